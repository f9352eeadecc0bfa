#include "vsmgrd/api/beast_server.h"

#include <future>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
// Boost first: cpprest defines macros that Boost trips over.
#include <cpprest/containerstream.h>
#include <cpprest/details/http_server.h>
#include <cpprest/http_listener.h>

#include "base/guarded.h"
#include "base/log.h"
#include "vsmgrd/api/connection.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/unix_socket.h"

namespace vs::http {
namespace {

namespace net = boost::asio;
namespace rest = web::http;
using Failure = boost::system::error_code;
using Local = net::local::stream_protocol;
using Acceptor = net::basic_socket_acceptor<Local, Strand>;
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

  [[nodiscard]] bool wanted() const { return from_->waiting(serial_); }
  pplx::task<void> answer(Response response);
  pplx::task<void> answer_problem(int status, ErrorCode code, std::string detail);

 private:
  Server& server_;
  std::shared_ptr<Connection> from_;
  std::uint64_t serial_;
  bool answered_ = false;
};

using Awaited = std::optional<std::promise<void>>;  // set while somebody waits

void complete(Awaited& awaited) {
  if (awaited) awaited->set_value();
  awaited.reset();
}

// Accepts connections, gives their requests to the library's listener, and ends in order.
class Server {
 public:
  Server(const ServerOptions& options, UnixSocket socket, TransportCounters& counters,
         const Clock& clock);
  ~Server();

  void start();
  void drain();  // accepts no more; returns when every request has been handled
  void stop();   // then ends the connections and the threads

  Result<> attach(ListenerImpl& listener);
  void request_done();

 private:
  struct State {
    std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;
    std::size_t requests = 0;
    bool full = false;  // accepting waits for a connection to end
    Awaited handled;    // draining: no request is left
    Awaited emptied;    // stopping: no connection is left
  };

  void accept();
  void on_accept(Failure failure, Socket socket);
  void back_off();
  bool arrived(Arrival arrival);
  void closed(Connection& connection);
  void handle(std::unique_ptr<Exchange> exchange, Head head, std::string body, std::string peer);
  std::vector<std::shared_ptr<Connection>> open_connections();

  const ServerOptions options_;
  TransportCounters& counters_;
  net::io_context io_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  net::thread_pool handlers_;
  Strand accepting_;
  std::optional<UnixSocket> file_;
  Acceptor acceptor_;
  Timer backoff_;
  std::atomic<bool> draining_{false};  // set under the lock of state_
  const Connection::Owner owner_;
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

Server::Server(const ServerOptions& options, UnixSocket socket, TransportCounters& counters,
               const Clock& clock)
    : options_(options),
      counters_(counters),
      io_(options.io_threads),
      work_(io_.get_executor()),
      handlers_(static_cast<std::size_t>(options.handler_threads)),
      accepting_(net::make_strand(io_)),
      file_(std::move(socket)),
      acceptor_(accepting_, Local(), file_->release_fd()),
      backoff_(accepting_),
      owner_{.options = options_,
             .counters = counters,
             .clock = clock,
             .draining = draining_,
             .arrived = [this](Arrival arrival) { return this->arrived(std::move(arrival)); },
             .closed = [this](Connection& connection) { this->closed(connection); }} {}

Server::~Server() {
  drain();
  stop();
}

void Server::start() {
  net::post(accepting_, [this] { accept(); });
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

void Server::accept() {
  const bool room = state_.with([&](State& state) {
    state.full = state.connections.size() >= options_.connections_max;
    return !state.full && !draining_;
  });
  if (room) {
    return acceptor_.async_accept(net::make_strand(io_), [this](Failure failure, Socket socket) {
      on_accept(failure, std::move(socket));
    });
  }
  // Full: closed() calls accept() again. Until then only look, so that a client that has to wait is
  // counted.
  acceptor_.async_wait(Acceptor::wait_read, [this](Failure failure) {
    if (!failure) counters_.hit(Limit::connections);
  });
}

void Server::on_accept(Failure failure, Socket socket) {
  if (failure == net::error::operation_aborted) return;
  if (failure == net::error::connection_aborted) return accept();
  if (failure)
    return back_off();  // no descriptor or no memory: asking again at once would only spin
  auto connection = std::make_shared<Connection>(owner_, std::move(socket));
  state_.with([&](State& state) { state.connections.emplace(connection.get(), connection); });
  connection->start();
  accept();
}

void Server::back_off() {
  counters_.hit(Limit::descriptors);
  backoff_.expires_after(options_.accept_backoff);
  backoff_.async_wait([this](Failure failure) {
    if (!failure) accept();
  });
}

void Server::closed(Connection& connection) {
  const bool resume = state_.with([&](State& state) {
    state.connections.erase(&connection);
    if (state.connections.empty()) complete(state.emptied);
    return std::exchange(state.full, false) && !draining_;
  });
  if (!resume) return;
  net::post(accepting_, [this] {
    acceptor_.cancel();  // the look-out
    accept();
  });
}

bool Server::arrived(Arrival arrival) {
  const bool taken = state_.with([&](State& state) {
    if (draining_ || state.requests >= options_.requests_max) return false;
    ++state.requests;
    return true;
  });
  if (!taken) return false;
  counters_.requests(+1);
  const auto& peer = arrival.from->peer();
  net::post(handlers_, [this, peer = peer ? format_peer(*peer) : std::string{},
                        exchange = std::make_unique<Exchange>(*this, arrival.from, arrival.serial),
                        head = std::move(arrival.head), body = std::move(arrival.body)]() mutable {
    handle(std::move(exchange), std::move(head), std::move(body), std::move(peer));
  });
  return true;
}

void Server::request_done() {
  counters_.requests(-1);
  state_.with([](State& state) {
    if (--state.requests == 0) complete(state.handled);
  });
}

void Server::handle(std::unique_ptr<Exchange> exchange, Head head, std::string body,
                    std::string peer) {
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
    impl->_set_remote_address(peer);
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

std::vector<std::shared_ptr<Connection>> Server::open_connections() {
  return state_.with([](State& state) {
    std::vector<std::shared_ptr<Connection>> open;
    for (const auto& [key, connection] : state.connections)
      if (auto still = connection.lock()) open.push_back(std::move(still));
    return open;
  });
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
  file_.reset();
  net::post(accepting_, [this] {
    Failure ignored;
    acceptor_.close(ignored);
    backoff_.cancel();
  });
  for (const auto& connection : open_connections()) connection->drain();
  handled->wait();
  state_.with([](State&) {});  // whoever reported the last request has left the lock
  handlers_.join();
  listener_ = nullptr;
}

void Server::stop() {
  if (threads_.empty()) return;
  const auto emptied = state_.with([](State& state) {
    state.emptied.emplace();
    auto future = state.emptied->get_future();
    if (state.connections.empty()) complete(state.emptied);
    return future;
  });
  if (emptied.wait_for(options_.drain_timeout) != std::future_status::ready) {
    counters_.hit(Limit::drain_time);
    for (const auto& connection : open_connections()) connection->abort();
    emptied.wait();
  }
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

class BeastServer final : public rest::experimental::details::http_server {
 public:
  BeastServer(const ServerOptions& options, UnixSocket socket, TransportCounters& counters,
              const Clock& clock)
      : server_(options, std::move(socket), counters, clock) {}

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
    if (answer.status < 400 || !answer.body.empty()) return exchange->answer(std::move(answer));
    return exchange->answer_problem(answer.status, ErrorCode::internal, "the request failed");
  }

 private:
  Server server_;
};

}  // namespace

Result<std::unique_ptr<rest::experimental::details::http_server>> make_beast_server(
    const ServerOptions& options, TransportCounters& counters, const Clock& clock) try {
  auto socket = UnixSocket::listen(options.socket_path, options.socket_mode, options.socket_group);
  if (!socket) return fail(std::move(socket.error()).within("api socket"));
  return std::make_unique<BeastServer>(options, std::move(*socket), counters, clock);
} catch (const std::exception& problem) {
  return fail(ErrorCode::exhausted, std::string("api server: ") + problem.what());
}

}  // namespace vs::http
