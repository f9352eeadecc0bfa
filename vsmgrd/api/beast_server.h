// cpprestsdk's server interface over Boost.Beast: HTTP/1.1 on a unix socket, with the limits the
// library's own server lacks.
//
// The library asks for it once, through http_server_api; only listener.cc uses it. Carries exactly
// one listener. The client's credentials travel as the request's remote address (format_peer).
// Errors the server itself answers are application/problem+json: 400 malformed, 408, 413, 431
// limits, 417, 503 no answer from above, 500 a handler threw. Handlers run on threads of their own,
// never on those that do input and output. Thread-safe. Errors: those of UnixSocket::listen.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/server_options.h"

namespace web::http::experimental::details {
class http_server;
}

namespace vs::http {

// Listens at once; accepts when the library starts it. `counters` and `clock` must outlive it.
Result<std::unique_ptr<web::http::experimental::details::http_server>> make_beast_server(
    const ServerOptions& options, TransportCounters& counters, const Clock& clock);

}  // namespace vs::http
