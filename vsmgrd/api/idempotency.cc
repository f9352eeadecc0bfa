#include "vsmgrd/api/idempotency.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/sha.h>

#include "base/guarded.h"
#include "vsmgrd/api/problem_details.h"

namespace vs::http {
namespace {

using KeyOfPrincipal = std::pair<std::string, std::string>;
using InFlight = Guarded<std::set<KeyOfPrincipal>>;

std::string fingerprint_of(const Request& request) {
  std::string text;
  for (const std::string_view part : {std::string_view(request.method),
                                      std::string_view(request.target),
                                      std::string_view(request.body)})
    text.append(std::to_string(part.size())).append(":").append(part);
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return fmt::format("{:02x}", fmt::join(hash, ""));
}

// Holds a key while its request is handled, by an operation, too.
class Holding {
 public:
  Holding(std::shared_ptr<InFlight> all, IdempotencyKey key)
      : all_(std::move(all)), key_(std::move(key)),
        held_(all_->with([&](auto& keys) { return keys.emplace(key_.principal, key_.key).second; })) {}
  ~Holding() {
    if (held_) all_->with([&](auto& keys) { keys.erase({key_.principal, key_.key}); });
  }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] const IdempotencyKey& key() const { return key_; }

 private:
  const std::shared_ptr<InFlight> all_;
  const IdempotencyKey key_;
  const bool held_;
};

Response handle(Store& store, const std::shared_ptr<InFlight>& in_flight, const Route& route, const Call& call) {
  const Request& request = call.request;
  const std::string_view given = request.header("idempotency-key");
  if (given.empty() || call.dry_run) return route.handle(call);
  const auto refuse = [&](int status, ErrorCode code, std::string detail, std::string word) {
    return problem_response({.status = status, .code = code, .detail = std::move(detail),
                             .word = std::move(word)},
                            request.id);
  };
  if (given.size() > kIdempotencyKeyBytesMax)
    return refuse(400, ErrorCode::invalid, "Idempotency-Key: longer than " +
                  std::to_string(kIdempotencyKeyBytesMax) + " bytes", "");
  if (route.secret)
    return refuse(400, ErrorCode::invalid,
                  "Idempotency-Key: not here, where the answer has a secret that is not kept", "");
  const auto holding = std::make_shared<const Holding>(
      in_flight, IdempotencyKey{.principal = request.identity.principal,
                                .key = std::string(given),
                                .fingerprint = fingerprint_of(request)});
  const IdempotencyKey& key = holding->key();
  if (!holding->held())
    return refuse(409, ErrorCode::conflict, "Idempotency-Key: its request is still being handled",
                  "key_in_flight");
  const auto found = store.idempotency().find(key.principal, key.key);
  if (!found) return problem_response(read_problem(found.error()), request.id);
  if (*found) {
    if ((*found)->fingerprint == key.fingerprint) return replayed((*found)->reply);
    return refuse(422, ErrorCode::invalid, "Idempotency-Key: was used for another request",
                  "key_reused");
  }
  Call keyed = call;
  keyed.key = {holding, &key};
  Response response = route.handle(keyed);
  if (route.keeps_key || response.later || response.status >= 400) return response;
  if (auto recorded = store.idempotency().record(key, stored(response)); !recorded)
    return problem_response(
        write_problem({std::move(recorded.error()).within("Idempotency-Key"), {}, {}}), request.id);
  return response;
}

}  // namespace

Route with_idempotency(Store& store, Route route) {
  const auto in_flight = std::make_shared<InFlight>();
  const auto plain = std::make_shared<const Route>(route);
  route.handle = [&store, in_flight, plain](const Call& call) {
    return handle(store, in_flight, *plain, call);
  };
  return route;
}

StoredReply stored(const Response& response) {
  StoredReply reply{.status = response.status, .body = response.body};
  for (const auto& [name, value] : response.headers) reply.headers.emplace(name, value);
  reply.headers.emplace("Content-Type", response.content_type);
  return reply;
}

Response replayed(const StoredReply& reply) {
  Response response{.status = reply.status, .body = reply.body};
  for (const auto& [name, value] : reply.headers) {
    if (name == "Content-Type")
      response.content_type = value;
    else
      response.headers.emplace_back(name, value);
  }
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

}  // namespace vs::http
