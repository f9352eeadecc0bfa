// cpprestsdk's server interface over Boost.Beast: HTTP/1.1 on unix and TCP sockets, in TLS on those
// of the remote channel, with the limits the library's own server lacks.
//
// The library asks for it once, through http_server_api; only listener.cc uses it. Carries exactly
// one listener. What is known of the client travels in the request's context (origin_of).
// Errors the server itself answers are application/problem+json: 400 malformed, 408, 413, 431
// limits, 417, 503 no answer from above, 500 a handler threw. Handlers run on threads of their own,
// never on those that do input and output; those of the metrics channel on one of their own.
// Thread-safe. Errors: exhausted.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/api/tls.h"

namespace web::http {
class http_request;
namespace experimental::details {
class http_server;
}
}  // namespace web::http

namespace vs::http {

// Accepts when the library starts it. `tls`, `counters` and `clock` must outlive it.
Result<std::unique_ptr<web::http::experimental::details::http_server>> make_beast_server(
    const ServerOptions& options, std::vector<Listening> listening, const TlsContext& tls,
    TransportCounters& counters, const Clock& clock);

// Of a request that this server received.
const Origin& origin_of(const web::http::http_request& request);

// The response to `request`, which has not been given yet, is to go on with `stream`: the library's
// own responses end.
void carry_stream(const web::http::http_request& request, std::shared_ptr<Stream> stream);

}  // namespace vs::http
