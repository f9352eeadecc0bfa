#include "vsmgrd/settings.h"

#include <optional>
#include <string>
#include <utility>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

std::optional<gid_t> group_of(const std::string& number) {
  if (number.empty()) return std::nullopt;
  return static_cast<gid_t>(std::stoul(number));
}

}  // namespace

Result<http::AccessSettings> access_settings(const AccessOptions& options) {
  http::AccessSettings settings;
  for (const std::string& text : options.roles) {
    auto rule = http::RoleRule::parse(text);
    if (!rule) return fail(std::move(rule.error()).within("--role-of"));
    settings.roles.push_back(std::move(*rule));
  }
  for (const std::string& text : options.peers) {
    const auto peer = http::PeerNode::parse(text);
    if (!peer) return fail(Error(peer.error()).within("--peer"));
    settings.peers.insert(peer->name);
  }
  if (options.metrics_token_file.empty()) return settings;
  auto secret = http::SecretHash::of_file(options.metrics_token_file);
  if (!secret) return fail(std::move(secret.error()).within("--metrics-token-file"));
  settings.metrics_secret = *secret;
  return settings;
}

http::TlsFiles tls_files(const AccessOptions& options) {
  const auto& of_peers = options.peer_ca.empty() ? options.tls_client_ca : options.peer_ca;
  return {options.tls_certificate, options.tls_key, options.tls_client_ca, options.peers.empty() ? std::filesystem::path() : of_peers};
}

Result<http::PeerSettings> peer_settings(const Options& options) {
  http::PeerSettings settings{.node = options.node_name, .tls = tls_files(options.access)};
  for (const std::string& text : options.access.peers) {
    auto peer = http::PeerNode::parse(text);
    if (!peer) return fail(std::move(peer.error()).within("--peer"));
    settings.peers.push_back(std::move(*peer));
  }
  return settings;
}

// Whether messages could be sent; also without peers.
Result<> check_peers(const Options& options) {
  const auto settings = peer_settings(options);
  if (!settings) return fail(settings.error());
  return settings->peers.empty() ? Result<>() : http::PeerClient::check(*settings);
}

http::ServerOptions server_options(const Options& options) {
  http::ServerOptions server;
  server.socket_path = options.socket;
  server.socket_group = group_of(options.access.socket_group);
  server.read_only = {options.access.read_only_socket, 0660, group_of(options.access.read_only_group)};
  server.remote_address = options.access.remote_address;
  server.metrics_address = options.access.metrics_address;
  server.tls = tls_files(options.access);
  return server;
}

Result<CpuSet> reserved_cpus(const Options& options) {
  if (options.reserved_cpus.empty()) return CpuSet();
  auto cpus = parse_cpus(options.reserved_cpus);
  if (!cpus) return fail(std::move(cpus.error()).within("--reserved-cpus"));
  return CpuSet(*cpus);
}

}  // namespace vs
