// One listening socket of the HTTP server: accepts clients and keeps their number in bounds.
//
// There is a limit on connections and one on those of one client (client_key). For one more, the
// connection that has kept us waiting longest is closed: first those that never sent a request, then
// half-sent requests, then answers not read, then idle ones; never one whose request is being
// handled or that streams. When there is none to close, nothing is accepted for a while. So a
// client that is slow on a thousand connections costs the others nothing. Thread-safe. Includes
// Asio: for beast_server.cc only.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>

#include "base/guarded.h"
#include "vsmgrd/api/connection.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/api/tls.h"

namespace vs::http {

class Entrance {
 public:
  // Of `owner`, `closed` is set here. `tls` is of the remote channel; it and what `owner` refers to
  // must outlive the entrance.
  Entrance(boost::asio::io_context& io, Listening listening, Connection::Owner owner,
           const TlsContext* tls);

  void start();
  void close();                       // accepts no more
  std::future<void> emptied();        // ready when no connection is left; ask once
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> connections();

 private:
  using Generic = boost::asio::generic::stream_protocol;
  using Acceptor = boost::asio::basic_socket_acceptor<Generic, Strand>;
  using Failure = boost::system::error_code;

  struct Entry {
    std::weak_ptr<Connection> connection;
    std::string client;
    bool leaving = false;  // told to close; counts no more
  };
  struct State {
    std::unordered_map<const Connection*, Entry> open;
    std::optional<std::promise<void>> emptied;
  };
  // What becomes of one more connection.
  struct Admission {
    bool admitted = false;
    std::optional<Limit> bitten;
    std::shared_ptr<Connection> leaves;
  };

  void accept();
  void on_accept(Failure failure, Socket::Plain socket);
  void accept_later();
  void welcome(Socket::Plain socket);
  Admission admit(const std::shared_ptr<Connection>& connection, std::string client);
  static std::shared_ptr<Connection> who_leaves(State& state, const std::string* client);
  static std::size_t count(const State& state, const std::string* client);
  [[nodiscard]] bool room();
  void closed(const Connection& connection);

  const Channel channel_;
  const std::string shown_;
  Connection::Owner owner_;
  const TlsContext* const tls_;
  Strand strand_;
  std::optional<UnixSocket> file_;
  Acceptor acceptor_;
  Timer later_;
  Guarded<State> state_;
};

}  // namespace vs::http
