#include "vsmgrd/api/beast_server.h"

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
// Boost first: cpprest defines macros that Boost trips over.
#include <cpprest/containerstream.h>
#include <cpprest/details/http_server.h>
#include <cpprest/http_listener.h>

#include "base/guarded.h"
#include "base/log.h"
#include "vsmgrd/api/entrance.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/stream.h"

namespace vs::http {
namespace {

namespace net = boost::asio;
namespace rest = web::http;
using ListenerImpl = rest::experimental::listener::details::http_listener_impl;

Response plain(rest::http_response& from) {
  Response response{.status = from.status_code()};
  for (const auto& [name, value] : from.headers()) {
    if (same_word(name, "Content-Type"))
      response.content_type = value;
    else if (!same_word(name, "Content-Length"))
      response.headers.emplace_back(name, value);
  }
  if (from.body()) {
    auto buffer = from.body().streambuf();  // a string's: all of it is there
    response.body.resize(buffer.in_avail());
    buffer.getn(reinterpret_cast<std::uint8_t*>(response.body.data()), response.body.size()).get();
  }
  return response;
}

class Server;

// Travels with the library's request and then its response. Given up without an answer, it answers
// 503 itself.
class Exchange final : public rest::details::_http_server_context {
 public:
  Exchange(Server& server, std::shared_ptr<Connection> from, std::uint64_t serial)
      : server_(server), from_(std::move(from)), serial_(serial) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override;

  [[nodiscard]] const Origin& origin() const { return from_->origin(); }
  [[nodiscard]] bool wanted() const { return from_->waiting(serial_); }
  void carry(std::shared_ptr<Stream> stream) { stream_ = std::move(stream); }
  std::shared_ptr<Stream> carried() { return std::move(stream_); }
  pplx::task<void> answer(Response response);
  pplx::task<void> answer_problem(int status, ErrorCode code, std::string detail);

 private:
  Server& server_;
  std::shared_ptr<Connection> from_;
  std::uint64_t serial_;
  std::shared_ptr<Stream> stream_;
  bool answered_ = false;
};

using Awaited = std::optional<std::promise<void>>;  // set while somebody waits

void complete(Awaited& awaited) {
  if (awaited) awaited->set_value();
  awaited.reset();
}

// Gives the requests of all entrances to the library's listener, and ends in order.
class Server {
 public:
  Server(const ServerOptions& options, std::vector<Listening> listening, const TlsContext& tls,
         TransportCounters& counters, const Clock& clock);
  ~Server();

  void start();
  void drain();  // accepts no more; returns when every request has been handled
  void stop();   // then ends the connections and the threads

  Result<> attach(ListenerImpl& listener);
  void request_done();

 private:
  struct State {
    std::size_t requests = 0;
    Awaited handled;  // draining: no request is left
  };

  bool arrived(Arrival arrival);
  void handle(std::unique_ptr<Exchange> exchange, Head head, std::string body);

  const ServerOptions options_;
  TransportCounters& counters_;
  net::io_context io_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  net::thread_pool handlers_;
  net::thread_pool metrics_handler_{1};  // measured even when the others all wait
  std::atomic<bool> draining_{false};  // set under the lock of state_
  std::vector<std::unique_ptr<Entrance>> entrances_;
  std::atomic<ListenerImpl*> listener_{nullptr};
  Guarded<State> state_;
  std::vector<std::thread> threads_;
};

Exchange::~Exchange() {
  if (!answered_) answer_problem(503, ErrorCode::unavailable, "the request was dropped");
  from_.reset();  // a connection must not outlive the server, which ends when the last request is
                  // done
  server_.request_done();
}

pplx::task<void> Exchange::answer(Response response) {
  answered_ = true;
  const pplx::task_completion_event<void> event;
  // It ends well even when the client is gone: an exception that nobody looks at would end the
  // process.
  from_->answer(serial_, std::move(response), [event] { event.set(); });
  return pplx::create_task(event);
}

pplx::task<void> Exchange::answer_problem(int status, ErrorCode code, std::string detail) {
  return answer(problem_response({status, code, std::move(detail)}, request_id({})));
}

Server::Server(const ServerOptions& options, std::vector<Listening> listening,
               const TlsContext& tls, TransportCounters& counters, const Clock& clock)
    : options_(options),
      counters_(counters),
      io_(options.io_threads),
      work_(io_.get_executor()),
      handlers_(static_cast<std::size_t>(options.handler_threads)) {
  const Connection::Owner owner{
      .options = options_,
      .counters = counters,
      .clock = clock,
      .draining = draining_,
      .arrived = [this](Arrival arrival) { return this->arrived(std::move(arrival)); },
      .closed = {}};
  for (Listening& socket : listening)
    entrances_.push_back(std::make_unique<Entrance>(io_, std::move(socket), owner, &tls));
}

Server::~Server() {
  drain();
  stop();
}

void Server::start() {
  for (const auto& entrance : entrances_) entrance->start();
  const auto run = [this] {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& problem) {  // out of memory: one connection's loss
        log::error("http.failed", {{"what", problem.what()}});
      }
    }
  };
  for (int i = 0; i < options_.io_threads; ++i) threads_.emplace_back(run);
}

bool Server::arrived(Arrival arrival) {
  const bool taken = state_.with([&](State& state) {
    const bool bounded = arrival.from->origin().channel != Channel::metrics;
    if (draining_ || (bounded && state.requests >= options_.requests_max)) return false;
    ++state.requests;
    return true;
  });
  if (!taken) return false;
  counters_.requests(+1);
  const bool measures = arrival.from->origin().channel == Channel::metrics;
  net::post(measures ? metrics_handler_ : handlers_,
            [this, exchange = std::make_unique<Exchange>(*this, arrival.from, arrival.serial),
             head = std::move(arrival.head), body = std::move(arrival.body)]() mutable {
              handle(std::move(exchange), std::move(head), std::move(body));
            });
  return true;
}

void Server::request_done() {
  counters_.requests(-1);
  state_.with([](State& state) {
    if (--state.requests == 0) complete(state.handled);
  });
}

void Server::handle(std::unique_ptr<Exchange> exchange, Head head, std::string body) {
  if (!exchange->wanted()) return;  // it was told 503: it must not happen after that
  web::uri target;
  try {
    target = web::uri(head.target);
  } catch (const std::exception&) {  // not only its own: a port is a number that may not fit
    counters_.malformed();
    return void(exchange->answer_problem(400, ErrorCode::invalid, "request target: not a URI"));
  }
  ListenerImpl* const listener = listener_.load();
  if (listener == nullptr) return;
  auto request = rest::http_request::_create_request(std::move(exchange));
  try {
    request.set_method(head.method);
    request.set_request_uri(target);
    for (const auto& [name, value] : head.fields) request.headers().add(name, value);
    const auto impl = request._get_impl();
    const std::size_t size = body.size();
    impl->set_instream(concurrency::streams::bytestream::open_istream(std::move(body)));
    impl->_complete(size);
    listener->handle_request(request);
  } catch (...) {
    log::error("http.handler_failed", {{"method", head.method}, {"path", head.target}});
    request._reply_if_not_already(rest::status_codes::InternalError);
  }
}

Result<> Server::attach(ListenerImpl& listener) {
  ListenerImpl* none = nullptr;
  if (listener_.compare_exchange_strong(none, &listener)) return {};
  return fail(ErrorCode::conflict, "http: there is a listener already");
}

void Server::drain() {
  const auto handled = state_.with([this](State& state) -> std::optional<std::future<void>> {
    if (draining_.exchange(true)) return std::nullopt;
    state.handled.emplace();
    auto future = state.handled->get_future();
    if (state.requests == 0) complete(state.handled);
    return future;
  });
  if (!handled) return;
  for (const auto& entrance : entrances_) {
    entrance->close();
    for (const auto& connection : entrance->connections()) connection->drain();
  }
  handled->wait();
  state_.with([](State&) {});  // whoever reported the last request has left the lock
  handlers_.join();
  metrics_handler_.join();
  listener_ = nullptr;
}

void Server::stop() {
  if (threads_.empty()) return;
  const auto end = std::chrono::steady_clock::now() + options_.drain_timeout;
  std::vector<std::future<void>> emptied;
  for (const auto& entrance : entrances_) emptied.push_back(entrance->emptied());
  const bool all = std::all_of(emptied.begin(), emptied.end(), [&](const auto& one) {
    return one.wait_until(end) == std::future_status::ready;
  });
  if (!all) counters_.hit(Limit::drain_time);
  for (const auto& entrance : entrances_)
    for (const auto& connection : entrance->connections()) connection->abort();
  for (const auto& one : emptied) one.wait();
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

class BeastServer final : public rest::experimental::details::http_server {
 public:
  BeastServer(const ServerOptions& options, std::vector<Listening> listening, const TlsContext& tls,
              TransportCounters& counters, const Clock& clock)
      : server_(options, std::move(listening), tls, counters, clock) {}

  pplx::task<void> start() override {
    server_.start();
    return pplx::task_from_result();
  }
  pplx::task<void> register_listener(ListenerImpl* listener) override {
    if (auto attached = server_.attach(*listener); !attached)
      return pplx::task_from_exception<void>(rest::http_exception(attached.error().message));
    return pplx::task_from_result();
  }
  pplx::task<void> unregister_listener(ListenerImpl*) override {
    server_.drain();
    return pplx::task_from_result();
  }
  pplx::task<void> stop() override {
    server_.stop();
    return pplx::task_from_result();
  }
  pplx::task<void> respond(rest::http_response response) override {
    auto* exchange = static_cast<Exchange*>(response._get_server_context());
    Response answer = plain(response);
    answer.stream = exchange->carried();
    if (answer.status < 400 || !answer.body.empty()) return exchange->answer(std::move(answer));
    return exchange->answer_problem(answer.status, ErrorCode::internal, "the request failed");
  }

 private:
  Server server_;
};

}  // namespace

const Origin& origin_of(const rest::http_request& request) {
  return static_cast<const Exchange*>(request._get_impl()->_get_server_context())->origin();
}

void carry_stream(const rest::http_request& request, std::shared_ptr<Stream> stream) {
  static_cast<Exchange*>(request._get_server_context())->carry(std::move(stream));
}

Result<std::unique_ptr<rest::experimental::details::http_server>> make_beast_server(
    const ServerOptions& options, std::vector<Listening> listening, const TlsContext& tls,
    TransportCounters& counters, const Clock& clock) try {
  return std::make_unique<BeastServer>(options, std::move(listening), tls, counters, clock);
} catch (const std::exception& problem) {
  return fail(ErrorCode::exhausted, std::string("api server: ") + problem.what());
}

}  // namespace vs::http
