#!lua flags=no-writes
-- Arguments: a delegation. Answers its dead letter, '' if it is none.
return { 'ok', work('dead', arg()) or '' }
