#include "vsmgrd/api/listener.h"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <boost/beast/http/status.hpp>
#include <cpprest/details/http_server.h>
#include <cpprest/details/http_server_api.h>
#include <cpprest/http_listener.h>
#include <pplx/threadpool.h>

#include "base/log.h"
#include "vsmgrd/api/beast_server.h"

namespace vs::http {
namespace {

namespace rest = web::http;
using RestListener = rest::experimental::listener::http_listener;
using ServerApi = rest::experimental::details::http_server_api;

inline constexpr std::size_t kPplxThreads =
    2;  // for the library's continuations only; its default is 40
inline constexpr char kRoot[] =
    "http://vsmgrd.local/";  // the library wants a host; ours is a socket file

void limit_threads() {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(kPplxThreads);
    } catch (const std::exception&
                 problem) {  // somebody used the library before us: more threads, no harm
      log::debug("http.threads_not_limited", {{"what", problem.what()}});
    }
  });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return text;
}

Request plain(const rest::http_request& from) {
  Request request{.method = from.method(), .target = from.request_uri().to_string()};
  for (const auto& [name, value] : from.headers()) request.headers.emplace(lower(name), value);
  auto body = from.body().streambuf();  // the server has read all of it
  request.body.resize(body.in_avail());
  body.getn(reinterpret_cast<std::uint8_t*>(request.body.data()), request.body.size()).get();
  request.origin = origin_of(from);
  return request;
}

rest::http_response library(const Response& from) {
  rest::http_response response(static_cast<rest::status_code>(from.status));
  // The library's own table of reasons is made by the first two threads that need it, at once.
  response.set_reason_phrase(
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(static_cast<unsigned>(from.status)))
          .to_string());
  for (const auto& [name, value] : from.headers) response.headers().add(name, value);
  response.set_body(from.body, from.content_type);
  return response;
}

// An exception nobody looks at ends the process: every chain is looked at here, where it ends.
void observe(pplx::task<void> done) {
  done.then([](const pplx::task<void>& finished) {
    try {
      finished.get();
    } catch (const std::exception& problem) {
      log::debug("http.answer_not_sent", {{"what", problem.what()}});
    }
  });
}

void answer(const rest::http_request& request, Response response) {
  if (response.later)
    return response.later([request](Response known) { answer(request, std::move(known)); });
  if (response.stream) carry_stream(request, std::move(response.stream));
  observe(request.reply(library(response)));
}

}  // namespace

struct Listener::Impl {
  Impl(Handler taken, const std::vector<Listening>& listening) : handler(std::move(taken)), listener(web::uri(kRoot)) {
    for (const Listening& socket : listening) addresses[socket.channel] = socket.shown;
    const auto serve = [this](const rest::http_request& request) {
      answer(request, handler(plain(request)));
    };
    listener.support(serve);
    // These two the library would answer by itself.
    listener.support(rest::methods::OPTIONS, serve);
    listener.support(rest::methods::TRCE, serve);
  }

  const Handler handler;
  TlsContext tls;
  std::map<Channel, std::string> addresses;
  RestListener listener;
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() { stop(); }

Result<std::unique_ptr<Listener>> Listener::start(const ServerOptions& options,
                                                  TransportCounters& counters, const Clock& clock,
                                                  Handler handler) {
  limit_threads();
  auto listening = open_listening(options);
  if (!listening) return fail(std::move(listening.error()));
  auto impl = std::make_unique<Impl>(std::move(handler), *listening);
  if (!options.remote_address.empty()) {
    if (auto loaded = impl->tls.load(options.tls); !loaded) return fail(std::move(loaded.error()));
  }
  auto server = make_beast_server(options, std::move(*listening), impl->tls, counters, clock);
  if (!server) return fail(std::move(server.error()));
  try {
    ServerApi::register_server_api(std::move(*server));
    impl->listener.open().get();
    return std::unique_ptr<Listener>(new Listener(std::move(impl)));
  } catch (const rest::http_exception& problem) {
    return fail(ErrorCode::conflict, std::string("http listener: ") + problem.what());
  } catch (const std::exception& problem) {
    return fail(ErrorCode::internal, std::string("http listener: ") + problem.what());
  }
}

Result<> Listener::reload_tls(const TlsFiles& files) { return impl_->tls.load(files); }

std::string Listener::shown_address(Channel channel) const {
  const auto found = impl_->addresses.find(channel);
  return found == impl_->addresses.end() ? std::string() : found->second;
}

void Listener::stop() {
  if (!impl_) return;
  try {
    impl_->listener.close().get();
  } catch (const std::exception& problem) {
    log::error("http.stop_failed", {{"what", problem.what()}});
  }
  impl_.reset();
}

}  // namespace vs::http
