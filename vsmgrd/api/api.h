// The daemon's REST API: what schemas/openapi.yaml says, served on a unix socket.
//
// It writes desired state only and reads everything from the store. Thread-safe. One a process (see
// listener.h). Errors of start(): those of UnixSocket::listen; conflict, when there is one already.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "base/sample.h"
#include "vsmgrd/api/access.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/dispatcher.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/policy/engine.h"
#include "vsmgrd/store/store.h"

namespace vs {

struct ApiOptions {
  http::ServerOptions server;  // where, and every limit
  uid_t owner = ::geteuid();  // an admin, as root is
  http::AccessSettings access{};  // of all others
  std::string node{};             // its name; empty: the host's
};

struct ApiHooks {
  std::function<std::string()> metrics_text;     // the body of GET /metrics
  // What an object does now, to be shown as its status.live; null: nothing is known. May wait for a short time.
  std::function<nlohmann::json(Kind kind, const std::string& name)> live{};
  // Has backends forget what they keep; may wait for a short time.
  http::Flush flush{};
  std::function<nlohmann::json()> placement{};   // what GET /v1/placement shows; null: nothing is placed here
  std::shared_ptr<PolicyEngine> policies{};      // what the store decides by; none: one of its own
  http::OnRequest on_request{};                  // after each request; must not block
  http::TransportCounters::Observer on_limit{};  // after each limit that bit; must not block
  handoff::Migrations* migrations = nullptr;     // must outlive the Api; null: this node has no peers
};

class Api {
 public:
  // `store` and `clock` must outlive it.
  static Result<std::unique_ptr<Api>> start(const ApiOptions& options, Store& store,
                                            const Clock& clock, ApiHooks hooks);
  ~Api();

  // Accepts no more, answers what is being handled, and returns when all of it is done. Later calls
  // do nothing.
  void stop();

  // Takes other roles, secrets and TLS files, for requests and connections from now on; `tls` counts
  // only when there is a remote address. Errors: those of TlsContext::load; then nothing changed.
  Result<> reload(http::AccessSettings access, const http::TlsFiles& tls);

  // See Listener::shown_address.
  [[nodiscard]] std::string shown_address(http::Channel channel) const;

  // What the transport counted, for /metrics.
  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  struct Impl;
  explicit Api(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs
