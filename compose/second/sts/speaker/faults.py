"""What the service does wrong on purpose. Pure."""

from dataclasses import dataclass

KINDS = "none, passthrough, silent, drop:N, swap:N,M, fail:COUNT[@FROM], partial:N or slow:MS; several with +"


@dataclass(frozen=True)
class Fault:
    kind: str
    numbers: tuple[int, ...] = ()

    def hits(self, index: int) -> bool:
        """Whether the segment with this index is one of those that it is about."""
        match self.kind, self.numbers:
            case ("passthrough" | "silent" | "slow"), _:
                return True
            case "fail", (count, start):
                return start <= index < start + count
            case _:
                return index in self.numbers


class Faults:
    """Some at once; none of a kind more than once."""

    def __init__(self, faults: tuple[Fault, ...] = ()):
        self._faults = {fault.kind: fault for fault in faults}

    @staticmethod
    def parse(text: str) -> "Faults":
        faults = tuple(_parse(part.strip()) for part in text.split("+") if part.strip() not in ("", "none"))
        if len({fault.kind for fault in faults}) < len(faults):
            raise ValueError(f"{text!r} has one kind twice, of which only one would count: {KINDS}, each kind once")
        return Faults(faults)

    def hits(self, kind: str, index: int) -> bool:
        return kind in self._faults and self._faults[kind].hits(index)

    @property
    def delay_ms(self) -> int:
        return self._faults["slow"].numbers[0] if "slow" in self._faults else 0

    def holds_back(self, index: int) -> int | None:
        """The index after whose answer this one's is given."""
        fault = self._faults.get("swap")
        return max(fault.numbers) if fault is not None and index == min(fault.numbers) else None


def _parse(text: str) -> Fault:
    kind, _, rest = text.partition(":")
    try:
        if kind == "fail":
            count, _, start = rest.partition("@")
            numbers = (int(count), int(start or 0))
        else:
            numbers = tuple(int(n) for n in rest.split(",")) if rest else ()
    except ValueError:
        raise ValueError(f"{text!r} is none of: {KINDS}") from None
    wanted = {"passthrough": 0, "silent": 0, "drop": 1, "swap": 2, "fail": 2, "partial": 1, "slow": 1}
    if wanted.get(kind) != len(numbers) or any(n < 0 for n in numbers) or (kind == "swap" and len(set(numbers)) < 2):
        raise ValueError(f"{text!r} is none of: {KINDS}")
    return Fault(kind, numbers)
