// Idempotency-Key on POST: what was done once is answered again, and not done again.
//
// A key belongs to its principal. A repeated request with the same method, target and body gets the
// stored answer with `Idempotency-Replayed: true`; with another, 422; while the first is being
// handled, 409. Keys of dry runs are not looked at. What changes anything keeps its answer in its own
// transaction (once_of, Route::keeps_key): a crash does nothing twice. The answers of routes that only
// read, or do nothing more when they are done twice, are kept right after. Refusals are not kept. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "vsmgrd/api/router.h"
#include "vsmgrd/store/store.h"

namespace vs::http {

// `route`, with that. `store` must outlive it.
Route with_idempotency(Store& store, Route route);

StoredReply stored(const Response& response);
Response replayed(const StoredReply& reply);

// For what `call` asks for, answered by what `reply` makes of its outcome.
template <class Outcome>
std::optional<OnceOf<Outcome>> once_of(const Call& call,
                                       std::function<Response(const Outcome&)> reply) {
  if (!call.key) return std::nullopt;
  return OnceOf<Outcome>{*call.key, [reply = std::move(reply)](const Outcome& outcome) {
                           return stored(reply(outcome));
                         }};
}

}  // namespace vs::http
