#include "vsmgrd/api/entrance.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/log.h"

namespace vs::http {

namespace net = boost::asio;

Entrance::Entrance(net::io_context& io, Listening listening, Connection::Owner owner,
                   const TlsContext* tls)
    : channel_(listening.channel),
      shown_(std::move(listening.shown)),
      owner_(std::move(owner)),
      tls_(tls),
      strand_(net::make_strand(io)),
      file_(std::move(listening.file)),
      acceptor_(strand_, Generic(listening.family, SOCK_STREAM), listening.fd.release()),
      later_(strand_) {
  owner_.closed = [this](Connection& connection) { closed(connection); };
}

void Entrance::start() {
  net::post(strand_, [this] { accept(); });
}

void Entrance::close() {
  file_.reset();
  net::post(strand_, [this] {
    Failure ignored;
    acceptor_.close(ignored);
    later_.cancel();
  });
}

void Entrance::accept() {
  if (owner_.draining || !acceptor_.is_open()) return;
  if (!room()) return accept_later();
  acceptor_.async_accept(net::make_strand(strand_.get_inner_executor()),
                         [this](Failure failure, Socket::Plain socket) {
                           on_accept(failure, std::move(socket));
                         });
}

// Full of clients that are being served: closed() calls accept() again, and so does the timer, for
// one that began to wait.
void Entrance::accept_later() {
  later_.expires_after(owner_.options.accept_backoff);
  later_.async_wait([this](Failure failure) {
    if (!failure) accept();
  });
}

void Entrance::on_accept(Failure failure, Socket::Plain socket) {
  if (failure == net::error::operation_aborted) return;
  if (failure == net::error::connection_aborted) return accept();
  if (failure) {  // no descriptor or no memory: asking again at once would only spin
    owner_.counters.hit(Limit::descriptors);
    return accept_later();
  }
  welcome(std::move(socket));
  accept();
}

void Entrance::welcome(Socket::Plain socket) {
  Origin origin = origin_of(socket.native_handle(), channel_);
  std::string client = client_key(origin);
  const auto context = channel_ == Channel::remote ? tls_->current() : nullptr;
  if (channel_ == Channel::remote && !context) return;  // closes
  auto connection = std::make_shared<Connection>(
      owner_, context ? Socket(std::move(socket), context.get()) : Socket(std::move(socket)),
      std::move(origin));
  const Admission admission = admit(connection, std::move(client));
  if (admission.bitten) owner_.counters.hit(*admission.bitten);
  if (admission.leaves) admission.leaves->abort();
  if (admission.admitted) connection->start();
}

Entrance::Admission Entrance::admit(const std::shared_ptr<Connection>& connection,
                                    std::string client) {
  const ServerOptions& options = owner_.options;
  return state_.with([&](State& state) {
    Admission admission;
    const std::string* whose = nullptr;
    if (count(state, &client) >= options.client_connections_max) {
      whose = &client;
      admission.bitten = Limit::client_connections;
    } else if (count(state, nullptr) >= options.connections_max) {
      admission.bitten = Limit::connections;
    }
    if (admission.bitten) {
      admission.leaves = who_leaves(state, whose);
      // Nobody of all left between room() and now: one more is taken, and room() takes no further.
      if (!admission.leaves && whose != nullptr) return admission;
    }
    admission.admitted = true;
    state.open.emplace(connection.get(), Entry{connection, std::move(client)});
    return admission;
  });
}

std::size_t Entrance::count(const State& state, const std::string* client) {
  return static_cast<std::size_t>(
      std::count_if(state.open.begin(), state.open.end(), [&](const auto& open) {
        return !open.second.leaving && (client == nullptr || open.second.client == *client);
      }));
}

std::shared_ptr<Connection> Entrance::who_leaves(State& state, const std::string* client) {
  Entry* chosen = nullptr;
  std::optional<Connection::Standing> worst;
  std::shared_ptr<Connection> leaves;
  for (auto& [key, entry] : state.open) {
    if (entry.leaving || (client != nullptr && entry.client != *client)) continue;
    auto connection = entry.connection.lock();
    const auto standing = connection ? connection->standing() : std::nullopt;
    if (!standing || (worst && *worst <= *standing)) continue;
    worst = standing;
    chosen = &entry;
    leaves = std::move(connection);
  }
  if (chosen != nullptr) chosen->leaving = true;
  return leaves;
}

bool Entrance::room() {
  const bool full = state_.with([&](State& state) {
    if (count(state, nullptr) < owner_.options.connections_max) return false;
    return std::none_of(state.open.begin(), state.open.end(), [](const auto& open) {
      const auto connection = open.second.leaving ? nullptr : open.second.connection.lock();
      return connection && connection->standing();
    });
  });
  if (full) owner_.counters.hit(Limit::connections);
  return !full;
}

void Entrance::closed(const Connection& connection) {
  state_.with([&](State& state) {
    state.open.erase(&connection);
    if (!state.open.empty() || !state.emptied) return;
    state.emptied->set_value();
    state.emptied.reset();
  });
  if (owner_.draining) return;
  net::post(strand_, [this] {
    if (later_.cancel() > 0) accept();
  });
}

std::future<void> Entrance::emptied() {
  return state_.with([](State& state) {
    state.emptied.emplace();
    auto future = state.emptied->get_future();
    if (state.open.empty()) {
      state.emptied->set_value();
      state.emptied.reset();
    }
    return future;
  });
}

std::vector<std::shared_ptr<Connection>> Entrance::connections() {
  return state_.with([](State& state) {
    std::vector<std::shared_ptr<Connection>> open;
    for (const auto& [key, entry] : state.open)
      if (auto still = entry.connection.lock()) open.push_back(std::move(still));
    return open;
  });
}

}  // namespace vs::http
