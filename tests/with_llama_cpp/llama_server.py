"""llama.cpp's own HTTP server with SmolLM2's weights, in a process of its own until its input ends.

`python llama_server.py PORT [tools]`: with a chat template that knows of tools, or with the model's own, which doesn't.
"""

import sys

import xllamacpp

from counterpoint.engines.smollm2 import find_gguf

CONTEXT = 2_048
SLOTS = 2

WITH_TOOLS = """\
{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}{%- set rest = messages[1:] %}
{%- else %}{%- set system = 'You are a helpful assistant.' %}{%- set rest = messages %}{%- endif %}
{{- '<|im_start|>system\\n' + system }}
{%- if tools %}
{{- '\\n\\n# Tools\\n\\nYou may call one or more functions.\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}
{{- '\\n</tools>\\n\\nFor each call return JSON within tags:' }}
{{- '\\n<tool_call>\\n{"name": <name>, "arguments": <object>}\\n</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- for message in rest %}
{%- if message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- else %}
{{- '<|im_start|>' + message.role }}
{%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


def serve(port: int, *, tools: bool) -> None:
    given = xllamacpp.CommonParams()
    given.model.path = str(find_gguf())
    given.model_alias = {"smollm2"}
    given.n_ctx, given.n_parallel = CONTEXT * SLOTS, SLOTS
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    given.hostnames, given.port = ["127.0.0.1"], port
    given.endpoint_metrics, given.ui, given.warmup = True, False, False
    if tools:
        given.chat_template = WITH_TOOLS
    server = xllamacpp.Server(given)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    serve(int(sys.argv[1]), tools="tools" in sys.argv)
