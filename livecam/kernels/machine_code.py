"""Compiles loops to machine code and keeps it on disk; the one home of Numba and llvmlite.

Numba compiles without its run-time, to object code that needs nothing but itself; llvmlite loads
that. So a process that finds it in the cache does not import Numba, which takes a second and a
hundred megabytes. The cache lies beside the sources like that of Python, or in the user's folder
where that cannot be written. It belongs to one version of the sources, of Numba and of the
processor.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import llvmlite.binding as llvm

from livecam.config.paths import user_cache_folder
from livecam.core.hidden_file import replaced_file
from livecam.kernels.base import ArrayOf, Kernel

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
Code = dict[str, tuple[str, bytes]]  # by kernel: the symbol of its function, and object code

_engines: list[Any] = []  # that own the machine code in use


def addresses(kernels: Sequence[Kernel[...]]) -> list[int]:
    """Returns where the machine code of kernels is in memory.

    Raises:
        ImportError: it is not in the cache, and Numba is missing.
    """
    key = _key()
    code = _cached(key)
    if any(kernel.name not in code for kernel in kernels):
        code = {kernel.name: compiled(kernel) for kernel in kernels}
        _keep(key, code)
    return _loaded([code[kernel.name] for kernel in kernels])


def compiled(kernel: Kernel[...]) -> tuple[str, bytes]:
    """Compiles the loops of a kernel: the symbol of the function, and object code."""
    compiler: Any = import_module("numba.core.compiler")
    types: Any = import_module("numba.core.types")
    target: Any = import_module("numba.core.registry").cpu_target

    arguments = []
    for parameter in kernel.parameters:
        if isinstance(parameter, ArrayOf):
            numbers = getattr(types, parameter.dtype)
            arguments.append(
                types.Array(numbers, parameter.dimensions, "C", readonly=not parameter.written)
            )
        else:
            arguments.append(types.int64 if parameter is int else types.float64)
    flags = compiler.Flags()
    flags.nrt = False
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    done = compiler.compile_extra(
        target.typing_context, target.target_context, kernel.loops, tuple(arguments), types.void,
        flags, {},
    )  # fmt: skip
    library = done.library
    module, machine = library._final_module, library._codegen._tm
    return done.fndesc.llvm_func_name, machine.emit_object(module)


def _loaded(codes: Sequence[tuple[str, bytes]]) -> list[int]:
    """Loads object code into memory; returns where its functions are."""
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    for _, data in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    _engines.append(engine)
    return [engine.get_function_address(symbol) for symbol, _ in codes]


def _key() -> str:
    """Returns what the machine code depends on, as a hash."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    digest = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    features = llvm.get_host_cpu_features().flatten()
    machine = (llvm.get_process_triple(), llvm.get_host_cpu_name(), features)
    for part in (version("numba"), version("llvmlite"), *machine):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _folders() -> tuple[Path, Path]:
    return HERE / "__pycache__", user_cache_folder() / "kernels"


def _cached(key: str) -> Code:
    """Reads the cache; empty if there is none of that key."""
    for folder in _folders():
        try:
            found = json.loads((folder / "kernels.json").read_text("utf-8"))
            if found["key"] == key:
                return {
                    name: (symbol, base64.b64decode(data, validate=True))
                    for name, (symbol, data) in found["code"].items()
                }
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
    return {}


def _keep(key: str, code: Code) -> None:
    """Writes the cache where it can be written."""
    plain = {
        name: (symbol, base64.b64encode(data).decode()) for name, (symbol, data) in code.items()
    }
    text = json.dumps({"key": key, "code": plain})
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                with replaced_file(folder / "kernels.json", mode=0o600) as file:
                    file.write(text.encode())
                return
        except OSError as error:
            log.debug("%s: %s", folder, error)
