// One handoff as a pure function: what is, and what happens, give what is next and what is to be done.
//
// Runs the same in vsmgrd and in its simulation (tests/vsmgrd/migration). The contract of who calls it (keeper.h): what a Step
// changes is written first, then its actions are done; a step that cannot be written did not happen, unless it says
// `regardless`. Actions may be done twice, and may get lost: a tick gives them again.
// Pure; thread-safe.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "vsmgrd/migration/cookie.h"
#include "vsmgrd/migration/message.h"
#include "vsmgrd/migration/migrations.h"
#include "vsmgrd/migration/record.h"
#include "vsmgrd/migration/words.h"

namespace vs::handoff {

// What happens.
struct Tick {};   // time has passed
struct Woken {};  // the record was read after a restart
struct Heard {    // from the peer, by its certificate
  Message message;
};
struct Taken {    // source: what moves, as it is declared; or why it cannot
  std::vector<MovedBinding> bindings;
  std::string parcel;
  std::string refusal;
};
struct Frozen {   // source: all backends drained; or why not
  std::vector<BindingState> states;
  std::string refusal;
};
struct Withdrawn {};  // no backend of this node has any of the bindings in the configuration that it serves
struct Serving {};    // destination: its backends serve all of them
struct NotServing {   // destination: they cannot
  std::string reason;
};
struct Said {  // by an operator
  Word word;
};
using Event = std::variant<Tick, Woken, Heard, Taken, Frozen, Withdrawn, Serving, NotServing, Said>;

// What is to be done.
struct Send { Message message; };
struct Take {};      // source: read what moves; Taken
struct Freeze { Time for_at_most; };  // source: the backends; Frozen. They thaw by themselves after that
struct Thaw {};      // source
struct Withdraw {};  // until no backend serves any; Withdrawn
struct Stage { std::vector<BindingState> states; };  // destination: for when they are configured
struct Serve {};     // destination: declare the parcel, be served; Serving or NotServing
struct Drop {};      // destination: what was staged or declared
struct Release {};   // source: what is declared of the domain has moved
using Deed = std::variant<Send, Take, Freeze, Thaw, Withdraw, Stage, Serve, Drop, Release>;

struct Step {
  Record record;
  bool durable = false;     // the record's durable part, or standings, changed
  bool regardless = false;  // valid also when it cannot be written: a restart comes to the same
  std::vector<Standing> standings;
  std::vector<Deed> deeds;
  std::string refusal;      // of a word or a message: why it is not followed; then nothing changed
};

// Of the protocol, that a node speaks.
struct Versions {
  int oldest = kVersionOldest;
  int newest = kVersion;
};

struct Surroundings {
  Time now;
  const Limits& limits;
  const Random& random;
  Versions versions = {};
};

Step step(const Record& record, const Event& event, const Surroundings& around);

// When it wants its next Tick; Time::max(): never.
Time next_tick(const Record& record);

// The first of a source: asks the destination whether it would.
Step begin_source(Record record, const Surroundings& around);
// The first of a destination, from a `prepare` that was judged and found good.
Step begin_destination(const Message& prepare, const Surroundings& around);

// Whether the record's own node must not serve what it is about, whatever the standings say: in doubt, or giving back.
inline bool holds_back(const Record& record) {
  return record.outcome == Outcome::in_doubt || record.outcome == Outcome::giving_back;
}

// An answer to `message` in its receiver's name, without a cookie.
Message answer_to(const Message& message, Answer answer, std::string reason = {});

}  // namespace vs::handoff
