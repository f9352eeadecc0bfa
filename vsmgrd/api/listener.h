// The HTTP listener of the process: hands every request to one function, as plain values.
//
// Thread-safe. The handler runs on several threads at once and may block; what it throws is
// answered 500. There is one listener a process at a time, because the library keeps its server in
// a global. stop() returns when every request has been handled and its answer written, or given up
// after drain_timeout; a handler that never returns holds it up for ever. Errors: those of
// open_listening and TlsContext::load; conflict, when the process has a listener already.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/server_options.h"

namespace vs::http {

class Listener {
 public:
  using Handler = std::function<Response(Request)>;

  // `counters` and `clock` must outlive it.
  static Result<std::unique_ptr<Listener>> start(const ServerOptions& options,
                                                 TransportCounters& counters, const Clock& clock,
                                                 Handler handler);
  ~Listener();
  void stop();  // once; later calls do nothing
  // Reads the files of options.tls again, for connections made from now on. When they are not right,
  // those read before stay in use.
  Result<> reload_tls(const TlsFiles& files);
  // Where a channel is served: the socket's path, or the address with the port it really has; empty
  // when it is not.
  [[nodiscard]] std::string shown_address(Channel channel) const;

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs::http
