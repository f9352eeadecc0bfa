// Where the HTTP server listens and every limit it keeps.
//
// Values. Times are absolute for what they name (from its first byte to its last), so that a client
// that sends a byte now and then gains nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "vsmgrd/api/tls.h"
#include "vsmgrd/migration/words.h"

namespace vs::http {

// Of a message of a peer: what it carries is JSON in JSON, where each quote is two bytes.
inline constexpr std::size_t kMessageBytesMax =
    2 * (handoff::kParcelBytesMax + handoff::kStatesBytesMax) + 256 * 1024;

struct SocketFile {
  std::filesystem::path path;
  mode_t mode = 0660;
  std::optional<gid_t> group{};  // absent: the process's
};

struct ServerOptions {
  std::filesystem::path socket_path;
  mode_t socket_mode = 0660;
  std::optional<gid_t> socket_group{};
  std::optional<SocketFile> read_only{};  // everybody there is a viewer
  std::string metrics_address{};  // "ADDRESS:PORT" or "/PATH"; serves /metrics only; empty: none
  std::string remote_address{};   // "ADDRESS:PORT", TLS only; empty: none
  TlsFiles tls{};                 // of remote_address

  std::size_t header_bytes_max = 16 * 1024;  // request line and headers
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t documents_bytes_max = 9 * 1024 * 1024;  // of /v1/apply and /v1/diff: kYamlBytesMax as JSON
  std::size_t message_bytes_max = kMessageBytesMax;    // of /v1/peer-messages, from a peer
  // Of each listening socket. For one more, the client that has kept us waiting longest goes; when
  // none does, the next waits in the kernel's queue.
  std::size_t connections_max = 256;
  std::size_t client_connections_max = 64;  // of one user or address
  std::size_t requests_max = 64;     // handled at once, those given up included
  std::size_t streams_max = 32;      // responses that go on; each is a connection, too

  std::chrono::milliseconds handshake_timeout{5'000};  // of TLS
  std::chrono::milliseconds header_timeout{5'000};
  std::chrono::milliseconds body_timeout{10'000};
  std::chrono::milliseconds handler_timeout{30'000};
  std::chrono::milliseconds write_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between requests
  std::chrono::milliseconds linger_timeout{
      1'000};  // takes what a refused client still sends, so that it reads its answer
  std::chrono::milliseconds drain_timeout{5'000};  // at stop, for answers being written
  std::chrono::milliseconds accept_backoff{100};   // when the process is out of descriptors

  int io_threads = 2;
  int handler_threads = 4;
};

}  // namespace vs::http
