"""What people would write instead: FastAPI, pydantic and SQLAlchemy, pictures decoded into blobs, one commit an event."""

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

KINDS = ("reg_pic", "spot_pic", "recognize_face")


class ExtData(BaseModel):
    model_config = ConfigDict(extra="allow")

    device_ip: str = ""
    ep_id: str = ""
    dev_sno: str = ""
    person_type: int = 1
    device_type: str = ""
    spot_pic: str = ""
    recognize_face: str = ""
    grab_fiqa_info: dict[str, Any] = {}
    box_fiqa_info: dict[str, Any] = {}
    info: dict[str, Any] = {}


class HistoryEvent(BaseModel):
    model_config = ConfigDict(extra="allow")

    identity_id: str
    identity_name: str
    group_name: str = ""
    reg_pic: str = ""
    timestamp: int
    score: float
    want_action: str = "0"
    ext_data: ExtData


class Base(DeclarativeBase):
    pass


class EventRow(Base):
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity_id: Mapped[str] = mapped_column(index=True)
    identity_name: Mapped[str]
    group_name: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    received_at: Mapped[datetime]
    score: Mapped[float]
    want_action: Mapped[str]
    person_type: Mapped[int]
    device_type: Mapped[str]
    device_ip: Mapped[str]
    ep_id: Mapped[str]
    dev_sno: Mapped[str]
    pictures: Mapped[list["PictureRow"]] = relationship(back_populates="event")


class PictureRow(Base):
    __tablename__ = "pictures"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    kind: Mapped[str]
    data: Mapped[bytes]
    event: Mapped[EventRow] = relationship(back_populates="pictures")


def to_row(message: HistoryEvent) -> EventRow:
    ext_data = message.ext_data
    texts = {"reg_pic": message.reg_pic, "spot_pic": ext_data.spot_pic, "recognize_face": ext_data.recognize_face}
    return EventRow(
        identity_id=message.identity_id,
        identity_name=message.identity_name,
        group_name=message.group_name,
        occurred_at=datetime.fromtimestamp(message.timestamp / 1000, UTC),
        received_at=datetime.now(UTC),
        score=message.score,
        want_action=message.want_action,
        person_type=ext_data.person_type,
        device_type=ext_data.device_type,
        device_ip=ext_data.device_ip,
        ep_id=ext_data.ep_id,
        dev_sno=ext_data.dev_sno,
        pictures=[PictureRow(kind=kind, data=base64.b64decode(texts[kind])) for kind in KINDS if texts[kind]],
    )


def save(session: Session, message: HistoryEvent) -> dict[str, Any]:
    row = to_row(message)
    session.add(row)
    session.commit()
    return {"status": 0, "message": "SUCCESS", "data": {"items": [{"event_id": row.id, "result": "new"}]}}


def make_app() -> FastAPI:
    """The application over the SQLite file that ``RIVAL_DATABASE`` names, as durable as the receiver's."""
    engine = create_engine(f"sqlite:///{os.environ['RIVAL_DATABASE']}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    Base.metadata.create_all(engine)
    make_session = sessionmaker(engine)

    def get_session() -> Iterator[Session]:
        with make_session() as session:
            yield session

    app = FastAPI()

    @app.post("/HistoryEvent")
    def in_a_thread(message: HistoryEvent, session: Annotated[Session, Depends(get_session)]) -> dict[str, Any]:
        return save(session, message)

    @app.post("/in-the-loop/HistoryEvent")
    async def in_the_loop(message: HistoryEvent) -> dict[str, Any]:
        with make_session() as session:
            return save(session, message)

    return app


if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.rival:make_app", factory=True, port=int(os.environ["RIVAL_PORT"]), loop="uvloop", http="httptools",
        access_log=False, log_level="warning", workers=int(os.environ["RIVAL_WORKERS"]),
    )  # fmt: skip
