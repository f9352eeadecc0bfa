// Answers to requests that carried a key, so that a repeated one is answered and not done again.
//
// What is done and its answer are one transaction (OnceOf): after a crash between commit and reply
// the repeated request gets the answer. Kept kIdempotencyAgeMax, at most kIdempotencyRowsMax
// per principal and kIdempotencyRowsAllMax in all; then the oldest go.
//
// Thread-safe. Errors: invalid (key or body too long), and those of sqlite.h.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::chrono::hours kIdempotencyAgeMax{24};
inline constexpr std::int64_t kIdempotencyRowsMax = 10'000;
inline constexpr std::int64_t kIdempotencyRowsAllMax = 20'000;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;
inline constexpr std::size_t kIdempotencyBodyBytesMax = 4 << 20;

struct IdempotencyKey {
  std::string principal;
  std::string key;          // the header's text: 1 .. kIdempotencyKeyBytesMax
  std::string fingerprint;  // of method, path and body; two requests of one key must agree in it
};

struct StoredReply {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

// That something is done once.
template <class Outcome>
struct OnceOf {
  IdempotencyKey key;
  // The answer to the outcome, stored in the transaction that makes it so. Called on the writer's
  // thread; must not use the store. Refusals are not stored: the next try may fare better.
  std::function<StoredReply(const Outcome&)> reply;
};

class IdempotencyTable {
 public:
  struct Found {
    std::string fingerprint;  // differs from the asked one: the key was used for something else
    StoredReply reply;
  };

  explicit IdempotencyTable(Ledger& ledger) : ledger_(ledger) {}

  Result<std::optional<Found>> find(const std::string& principal, const std::string& key) const;
  // Alone, for what changes nothing; keeps the first answer when there is one already.
  Result<> record(const IdempotencyKey& key, const StoredReply& reply);

  // For the store, inside of a piece of work.
  static Result<std::optional<Found>> find(Database& database, const std::string& principal,
                                           const std::string& key);
  static Result<> record(Turn& turn, const IdempotencyKey& key, const StoredReply& reply);
  template <class Outcome>
  static Result<> record(Turn& turn, const std::optional<OnceOf<Outcome>>& once,
                         const Outcome& outcome) {
    return once ? record(turn, once->key, once->reply(outcome)) : Result<>();
  }
  static Result<> trim(Turn& turn);

 private:
  Ledger& ledger_;
};

}  // namespace vs
