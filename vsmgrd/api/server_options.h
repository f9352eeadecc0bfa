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

namespace vs::http {

struct ServerOptions {
  std::filesystem::path socket_path;
  mode_t socket_mode = 0660;
  std::optional<gid_t> socket_group{};  // absent: the process's

  std::size_t header_bytes_max = 16 * 1024;  // request line and headers
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t connections_max = 64;  // more wait in the kernel's queue
  std::size_t requests_max = 64;     // handled at once, those given up included

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
