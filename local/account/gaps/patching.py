"""How the pinned emulator is changed in place: each change names its target and refuses to start when that moved."""

import inspect


class PinMoved(AssertionError):
    """The emulator no longer looks as the patches expect."""


def expect(condition, what):
    """Raise PinMoved unless `condition` holds; `what` says what was expected."""
    if not condition:
        raise PinMoved(f"MiniStack changed under local/account: expected {what}")


def target(module, name, parameters):
    """Return `module.name` after checking its parameter names (a space-separated string)."""
    fn = getattr(module, name, None)
    expect(callable(fn), f"{module.__name__}.{name} to be a function")
    found = " ".join(inspect.signature(fn).parameters)
    expect(found == parameters, f"{module.__name__}.{name}({parameters}), found ({found})")
    return fn


def wrap(module, name, parameters):
    """Decorator: replaces `module.name` by the decorated function, which gets the original as its first argument."""
    original = target(module, name, parameters)

    def install(replacement):
        def patched(*args, **kwargs):
            return replacement(original, *args, **kwargs)

        # The next wrapper of the same function must see the signature it was written for.
        patched.__signature__ = inspect.signature(original)
        patched.__name__ = name
        setattr(module, name, patched)
        return patched

    return install
