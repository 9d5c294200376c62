"""How an agent is declared: a pure function that hears an event or a tick and yields the jobs that follow."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from streams.errors import ConfigError
from streams.event import Event
from streams.job import Job
from streams.tick import Tick

OnEvent = Callable[[Event], Iterable[Job]]
OnTick = Callable[[Tick], Iterable[Job]]
EventAgent = TypeVar("EventAgent", bound=OnEvent)
TickAgent = TypeVar("TickAgent", bound=OnTick)


class Agents:
    """The agents of a process, by what they hear and by name."""

    def __init__(self) -> None:
        self._on_event: dict[str, list[OnEvent]] = {}
        self._on_tick: dict[str, list[OnTick]] = {}
        self._names: dict[str, OnEvent | OnTick] = {}

    def on_event(self, *kinds: str) -> Callable[[EventAgent], EventAgent]:
        """Declare an agent that hears events of these kinds ("poll_expired")."""

        def declare(agent: EventAgent) -> EventAgent:
            self._claim(agent)
            for kind in kinds:
                self._on_event.setdefault(kind, []).append(agent)
            return agent

        return declare

    def on_tick(self, *schedules: str) -> Callable[[TickAgent], TickAgent]:
        """Declare an agent that hears the ticks of these schedules ("polls.close_expired")."""

        def declare(agent: TickAgent) -> TickAgent:
            self._claim(agent)
            for schedule in schedules:
                self._on_tick.setdefault(schedule, []).append(agent)
            return agent

        return declare

    def hearing(self, fact: Event | Tick) -> list[str]:
        """The names of the agents that hear this fact, in order of declaration."""
        heard = (
            self._on_event.get(fact.kind, [])
            if isinstance(fact, Event)
            else self._on_tick.get(fact.schedule, [])
        )
        return [agent.__name__ for agent in heard]

    def react(self, name: str, fact: Event | Tick) -> list[Job]:
        """The jobs with which the named agent reacts to the fact. Raises what the agent raises."""
        return list(self._names[name](fact))  # type: ignore[arg-type]  # `hearing` pairs them

    def _claim(self, agent: OnEvent | OnTick) -> None:
        if agent.__name__ in self._names:
            raise ConfigError(f"two agents are named {agent.__name__!r}: job ids derive from the name")
        self._names[agent.__name__] = agent


declared = Agents()
on_event = declared.on_event
on_tick = declared.on_tick
