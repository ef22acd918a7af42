"""Two people with matrix-client 0.0.3, which speaks version 1 of the client API, meet at a homeserver; prints what they saw."""

import json
import sys

from matrix_client.client import MatrixClient


def messages(events):
    """What was said, by whom, of events as the client has them."""
    said = [event for event in events if event["type"] == "m.room.message"]
    return [[event["user_id"], event["content"]["body"]] for event in said]


def main(base):
    alice, bob = MatrixClient(base), MatrixClient(base)
    alice.register_with_password("alice", "alice password", 10)
    bob.register_with_password("bob", "bob password", 10)
    room = alice.create_room("garden", is_public=True)
    room.send_text("before bob")
    alice.api.send_state_event(room.room_id, "m.room.topic", {"topic": "Plants"})

    there = bob.join_room("#garden:localhost")
    heard = []
    bob.add_listener(heard.append)
    room.send_text("hello bob")
    there.send_emote("waves")
    while ["@bob:localhost", "waves"] not in messages(heard):
        bob.listen_for_events(10000)

    back = MatrixClient(base)
    back.login_with_password("bob", "bob password", 10)
    seen = back.get_rooms()[room.room_id]
    seen.update_room_topic()
    kicked = room.kick_user("@bob:localhost", "enough")
    state = alice.api.get_room_state(room.room_id)
    member = [event for event in state if event["state_key"] == "@bob:localhost"][0]
    print(
        json.dumps(
            {
                "same": there.room_id == room.room_id,
                "heard": messages(heard)[-2:],
                "history": messages(seen.get_events()),
                "topic": seen.topic,
                "kicked": kicked,
                "membership": member["content"]["membership"],
            }
        )
    )


main(sys.argv[1])
