// Tells other nodes of handoffs: each message is one POST to the other's /v1/peer-messages, over mutual TLS 1.3.
//
// Fire and forget: a message that is lost is sent again by who wrote it, and an answer is a message in the other direction. To
// one peer messages go in order, over one connection that stays; a peer that is not reached delays no other. Who answers has
// shown a certificate of files.peer_ca for the peer's name. Thread-safe; one thread of its own for all peers.
// Without peers no files are needed. Errors of start(), check() and reload(): invalid, naming the peer or the file.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sample.h"
#include "vsmgrd/api/tls.h"
#include "vsmgrd/migration/message.h"
#include "vsmgrd/migration/migrations.h"

namespace vs::http {

inline constexpr std::size_t kPeersMax = 64;

// Of each peer.
struct PeerLimits {
  std::chrono::milliseconds connect{2'000};
  std::chrono::milliseconds handshake{2'000};  // of TLS
  std::chrono::milliseconds write{2'000};
  std::chrono::milliseconds answer{2'000};
  std::chrono::milliseconds pause{50};  // after a failure; doubles with each that follows
  std::chrono::milliseconds pause_max{1'000};
  std::size_t queue_messages_max = 256;
  std::size_t queue_bytes_max = 32 * 1024 * 1024;  // three messages as long as they may be
};

// Another node.
struct PeerNode {
  std::string name;     // its --node-name
  std::string address;  // "ADDRESS:PORT", in numbers

  // "NAME=ADDRESS:PORT". Errors: invalid.
  static Result<PeerNode> parse(std::string_view text);
};

struct PeerSettings {
  std::string node;  // this one's name
  TlsFiles tls;      // its certificate, and peer_ca
  std::vector<PeerNode> peers;
  PeerLimits limits{};
};

class PeerClient {
 public:
  static Result<std::unique_ptr<PeerClient>> start(const PeerSettings& settings);
  ~PeerClient();
  // Whether start() would take them. Reads files.
  static Result<> check(const PeerSettings& settings);

  // Takes other peers and files (not other limits), for connections made from now on; those that are not used now are closed.
  Result<> reload(const PeerSettings& settings);
  // Never waits. What cannot be sent is counted, and why is shown by peers().
  void send(const std::string& peer, const handoff::Message& message);
  [[nodiscard]] std::vector<handoff::PeerView> peers() const;  // by name
  [[nodiscard]] std::vector<Sample> samples() const;
  // Ends at once, with all that was not sent yet; send() then does nothing. Later calls do nothing.
  void stop();

 private:
  struct Impl;
  explicit PeerClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs::http
