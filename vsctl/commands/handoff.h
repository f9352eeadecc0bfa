// A handoff of a domain to another node, as the daemon tells of it: begun, found, waited for, and told to people.
//
// Owned by one thread. Errors: those of Daemon.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct HandoffWish {
  std::string domain;
  std::string node;
  bool manual = false;
};

// Whether it could begin, by both nodes. conflict, when one of them says no.
Outcome<> check_handoff(Session& session, const HandoffWish& wish);
Outcome<nlohmann::json> start_handoff(Session& session, const HandoffWish& wish);

// By a domain: its handoff that goes on, else its last; by an id, or its beginning.
Outcome<nlohmann::json> find_handoff(Session& session, const std::string& id_or_domain);
Outcome<nlohmann::json> look_at_handoff(Session& session, const std::string& id);
// `verb` as in the path of the API; `body` may be empty.
Outcome<nlohmann::json> tell_handoff(Session& session, const std::string& id, std::string_view verb, const nlohmann::json& body);

// Whether there is nothing more to wait for: it has ended, or is in doubt. Pure.
bool has_come_to_rest(const nlohmann::json& handoff);
bool is_done(const nlohmann::json& handoff);

// Looks until it has come to rest, or waits for this word of an orchestrator ("freeze", "commit"; empty: for none). No deadline ends
// that: a handoff has limits of its own, and --timeout counts for each look. Shows progress on a terminal.
Outcome<nlohmann::json> wait_for_handoff(Session& session, nlohmann::json handoff, std::string_view word);

// "12 ms" without service, on the way or in all; empty: not known. Pure.
std::string blackout_of(const nlohmann::json& handoff);
// "to node2", "from node1". Pure.
std::string direction_of(const nlohmann::json& handoff);
// How it stands, in a sentence without a stop: "web1 is served by node2, after 12 ms without service". Pure.
std::string story_of(const nlohmann::json& handoff);

}  // namespace vs::ctl
