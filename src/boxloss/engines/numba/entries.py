"""How Python enters kernels: through one function for all of a signature.

Numba makes a function for each kernel that takes Python's objects apart, arrays above all. To compile it took a third
of the time that a short kernel takes, and it is the same for all that take the same.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types import Type
from numba.extending import intrinsic

from boxloss.engines.llvm import BaseContext, Intrinsic, Signature, Values


def entering(signature: Signature) -> tuple[Callable[..., Any], Signature]:
    """Make ``enter(address, *arguments)``, which calls the kernel at an address; and its own signature."""
    names = ", ".join(f"argument{k}" for k in range(len(signature.args)))
    # Written down, since Numba packs the arguments of `*arguments` into an object of Python's at each call.
    code = f"def enter(address, {names}):\n    return call(address, ({names},))\n"
    made: dict[str, Any] = {"call": call_at(signature), "__name__": __name__}
    exec(code, made)
    return made["enter"], signature.return_type(types.intp, *signature.args)


def call_at(signature: Signature) -> Any:
    """Make ``call(address, arguments)``, for a tuple of the arguments that the signature has."""
    result, wanted = signature.return_type, signature.args

    @intrinsic  # type: ignore[untyped-decorator]
    def call(typing_context: object, address: Type, arguments: Any) -> Intrinsic:
        def codegen(context: BaseContext, builder: ir.IRBuilder, own: Signature, given: Values) -> ir.Value:
            place, packed = given
            convention = context.call_conv
            function = builder.inttoptr(place, convention.get_function_type(result, wanted).as_pointer())
            values = [
                context.cast(builder, builder.extract_value(packed, k), have, want)
                for k, (have, want) in enumerate(zip(arguments, wanted, strict=True))
            ]
            status, returned = convention.call_function(builder, function, result, wanted, values)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return returned

        return result(address, arguments), codegen

    return call
