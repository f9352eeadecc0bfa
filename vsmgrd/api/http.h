// HTTP as our handlers see it: plain values, free of any HTTP library.
//
// Values. Names of request headers are in lower case; a header sent twice is one, joined by ", ".
// `path` and `query` are percent-decoded; `target` is what the client wrote.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "vsmgrd/api/identity.h"

namespace vs::http {

inline constexpr std::size_t kPathSegmentsMax = 16;
inline constexpr std::size_t kQueryParametersMax = 16;
inline constexpr std::size_t kRequestIdBytesMax = 128;

// Who sits at the other end of the unix socket, as the kernel says it. `pid` is for people to read:
// by the time they do, it may be another's.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  friend bool operator==(const Peer&, const Peer&) = default;
};

// What the transport knows of the client. It never comes from what the client says in a request.
struct Origin {
  Channel channel = Channel::local;
  std::optional<Peer> peer{};         // unix sockets; absent: the kernel would not say
  std::vector<gid_t> groups{};        // the peer's other groups
  std::string address{};              // TCP: "192.0.2.1", "2001:db8::1"; without the port
  std::string certificate_sha256{};   // of a client certificate that was verified; 64 hex digits
  std::string certificate_subject{};  // its common name
  std::string certificate_node{};     // that of one that was verified, and that the peers' CA signed
};

struct Request {
  std::string method;
  std::string target;
  std::map<std::string, std::string, std::less<>> headers;
  std::string body;
  Origin origin;

  // Filled by the dispatcher, as `path`, `query` and `id` are.
  Identity identity;
  std::vector<std::string> path;
  std::map<std::string, std::string, std::less<>> query;
  std::string id;  // X-Request-Id: the client's, or one made here
  // Whether `identity` would still be let in: to be asked while an answer goes on or is waited for.
  // Empty: it would. Thread-safe, never waits.
  std::function<bool()> still{};

  // The header's value; empty when it is not there. `name` in lower case.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

class Stream;

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;
  std::string body;

  // What the body goes on with, until it ends; `body` is then empty.
  std::shared_ptr<Stream> stream{};

  // Set when the answer is not known yet: nothing else counts then. Called once, with a function
  // that takes the answer, once, from any thread. Dropping that function answers 503.
  using Answer = std::function<void(Response)>;
  std::function<void(Answer)> later{};
};

struct Target {
  std::vector<std::string> path;
  std::map<std::string, std::string, std::less<>> query;
};

// Splits "/v1/domains/web1?dryRun=true"; takes "http://any-host/v1" too, as RFC 9112 asks. Pure.
// Errors: invalid, for a bad escape, a NUL, a fragment, a parameter given twice, or too many parts.
Result<Target> parse_target(std::string_view target);

// `client_id` when it is 1 to kRequestIdBytesMax of [A-Za-z0-9._-], otherwise 32 random hexadecimal
// digits.
std::string request_id(std::string_view client_id);

// As JSON text; bytes that are not UTF-8 become U+FFFD, so that no foreign byte can make it fail.
std::string json_text(const nlohmann::json& value);
Response json_response(int status, const nlohmann::json& value);

// "OK", "Not Found", ...; empty for a status we never send.
std::string_view reason_phrase(int status);

}  // namespace vs::http
