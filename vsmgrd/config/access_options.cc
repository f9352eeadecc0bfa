#include <grp.h>

#include <charconv>

#include <CLI/CLI.hpp>

#include "vsmgrd/config/options_parts.h"

namespace vs {
namespace {

// A group's number, or its name turned into that.
std::string group_number(std::string& text) {
  gid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  const group* entry = ::getgrnam(text.c_str());
  if (entry == nullptr) return "there is no group \"" + text + "\"";
  text = std::to_string(entry->gr_gid);
  return {};
}

// "gid:NAME=..." with the group's number in the place of its name.
std::string role_of_group(std::string& text) {
  constexpr std::string_view prefix = "gid:";
  const auto equals = text.find('=');
  if (!text.starts_with(prefix) || equals == std::string::npos) return {};
  std::string name = text.substr(prefix.size(), equals - prefix.size());
  std::string fault = group_number(name);
  if (fault.empty()) text = std::string(prefix) + name + text.substr(equals);
  return fault;
}

}  // namespace

void add_access_options(CLI::App& app, AccessOptions& options) {
  const CLI::Validator group(group_number, "GROUP");
  app.add_option("--socket-group", options.socket_group, "Group that may use the API's socket (default: ours)")->transform(group);
  app.add_option("--read-only-socket", options.read_only_socket,
                 "Unix socket on which everybody is a viewer (default: RUN-DIR/vsmgrd-ro.sock)");
  app.add_option("--read-only-group", options.read_only_group, "Group that may use it (default: ours)")->transform(group);
  app.add_option("--role-of", options.roles,
                 "Who has which role: uid:N, gid:N or gid:NAME, cert:SHA256 or cn:NAME, then =viewer, =operator, =policy-admin or "
                 "=admin, then @SELECTOR to bound it to objects with such labels; may be given again; the first that "
                 "fits counts (reloaded)")
      ->transform(CLI::Validator(role_of_group, ""))
      ->type_name("WHO=ROLE[@SELECTOR]")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--listen", options.remote_address, "ADDRESS:PORT of the API for other machines, TLS 1.3 only (default: none)");
  app.add_option("--tls-certificate", options.tls_certificate, "PEM file with our certificate and its chain (read again at SIGHUP)");
  app.add_option("--tls-key", options.tls_key, "PEM file with its key (read again at SIGHUP)");
  app.add_option("--tls-client-ca", options.tls_client_ca,
                 "PEM file with the CAs of clients' certificates (default: clients need tokens; read again at SIGHUP)");
  app.add_option("--peer", options.peers,
                 "Another node that may hand domains over to this one and take them: its --node-name and its --listen, in numbers; "
                 "may be given again (reloaded)")
      ->type_name("NAME=ADDRESS:PORT")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--peer-ca", options.peer_ca,
                 "PEM file with the CAs of the nodes' certificates (default: those of --tls-client-ca; read again at SIGHUP)");
  app.add_option("--metrics-listen", options.metrics_address,
                 "ADDRESS:PORT or /PATH that serves /metrics and nothing else (default: none)");
  app.add_option("--metrics-token-file", options.metrics_token_file,
                 "File whose first line is the token for it; needed on TCP (read again at SIGHUP)");
}

std::string fault_of(const AccessOptions& options) {
  if (!options.remote_address.empty() && (options.tls_certificate.empty() || options.tls_key.empty()))
    return "--listen: needs --tls-certificate and --tls-key";
  if (!options.peers.empty() && options.remote_address.empty()) return "--peer: needs --listen, for the other node to answer";
  if (!options.peers.empty() && options.peer_ca.empty() && options.tls_client_ca.empty())
    return "--peer: needs --peer-ca or --tls-client-ca";
  if (!options.metrics_address.empty() && !options.metrics_address.starts_with('/') && options.metrics_token_file.empty())
    return "--metrics-listen: on TCP it needs --metrics-token-file";
  return {};
}

}  // namespace vs
