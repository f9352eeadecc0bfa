// How the routes ask the store for a change: who asks, within which bounds, and answered how.
//
// Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/api/router.h"
#include "vsmgrd/api/waits.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

Actor actor_of(const Request& request);

// What it may know of; null: everything.
std::function<bool(const Resource&)> sees_of(const Identity& identity);

// Whether it may know of work on objects of these labels; of that on nothing labelled, only who has no scope.
bool may_know_of(const Identity& identity, const Labels& labels);

// For a change that `call` asks for: its actor, its dry run, and what its identity may write.
WriteOptions options_of(const Call& call);

// {changes: [{kind, name, action}], decisionsChanged, resourceVersion}
nlohmann::json encode(const ApplyOutcome& outcome);

// 202: what is asked goes on as `operation`, with where to look for it.
Response operation_begun(const Operation& operation);

// `response`, which answers what `outcome` did; with ?wait=applied only once the data plane has it
// (with "applied": true), or as 202, code committed_not_applied, when ?timeout= was over first.
Response answer_applied(Waits& waits, const Store& store, const Call& call,
                        const ApplyOutcome& outcome, Response response);

// Whether that would wait, and what it would look at: 202 when `expired`.
bool awaits_applied(const Call& call);
Waits::Check applied_check(const Store& store, const ApplyOutcome& outcome, Response response);

// The parameters of that: "wait" and "timeout".
std::vector<std::string> wait_parameters();
// What is wrong with them. Errors: invalid.
Result<> check_wait(const Call& call);

}  // namespace vs::http
