#include "vsmgrd/api/peer_client.h"

#include <map>
#include <set>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "base/log.h"
#include "vsmgrd/api/peer_link.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

using Ways = std::map<std::string, PeerLink::Way>;

Result<Ways> ways_of(const PeerSettings& settings) {
  const auto wrong = [](const PeerNode& peer, std::string_view what) {
    return fail(ErrorCode::invalid, fmt::format("peer {}: {}", in_quotes(peer.name), what));
  };
  if (settings.peers.size() > kPeersMax) return fail(ErrorCode::invalid, fmt::format("more than {} peers", kPeersMax));
  if (settings.peers.empty()) return Ways();  // a node on its own needs no certificate
  if (auto own = check_own_certificate(settings.tls, settings.node); !own) return fail(std::move(own.error()));
  auto context = context_for_peers(settings.tls);
  if (!context) return fail(std::move(context.error()));
  Ways ways;
  for (const PeerNode& peer : settings.peers) {
    if (auto sound = check_name(peer.name); !sound) return wrong(peer, sound.error().message);
    if (peer.name == settings.node) return wrong(peer, "is this node itself");
    auto address = tcp_address(peer.address);
    if (!address) return wrong(peer, address.error().message);
    if (!ways.emplace(peer.name, PeerLink::Way{peer.address, *address, *context}).second) return wrong(peer, "is there twice");
  }
  return ways;
}

}  // namespace

struct PeerClient::Impl {
  using Links = std::map<std::string, std::shared_ptr<PeerLink>>;

  explicit Impl(const PeerLimits& limits) : limits(limits), work(io.get_executor()) {}

  void use(Ways ways);
  void run();

  const PeerLimits limits;
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  Guarded<Links> links;
  std::thread thread;
};

void PeerClient::Impl::use(Ways ways) {
  Links fresh;
  for (auto& [name, way] : ways) fresh[name] = std::make_shared<PeerLink>(io, name, limits, way);
  Links gone = links.with([&](Links& current) {
    Links before = std::exchange(current, std::move(fresh));
    for (auto& [name, link] : current)
      if (auto known = before.extract(name)) link = std::move(known.mapped());
    return before;
  });
  for (auto& [name, link] : links.with([](const Links& current) { return current; }))
    if (const auto way = ways.find(name); way != ways.end()) link->use(std::move(way->second));
  for (auto& [name, link] : gone) link->close();
}

void PeerClient::Impl::run() {
  for (;;) {
    try {
      io.run();
      return;
    } catch (const std::exception& problem) {  // out of memory: one message's loss
      log::error("peer.failed", {{"what", problem.what()}});
    }
  }
}

Result<PeerNode> PeerNode::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return fail(ErrorCode::invalid, in_quotes(text) + " is not NAME=ADDRESS:PORT");
  PeerNode peer{.name = std::string(text.substr(0, equals)), .address = std::string(text.substr(equals + 1))};
  if (auto sound = check_name(peer.name); !sound) return fail(std::move(sound.error()));
  if (auto address = tcp_address(peer.address); !address) return fail(std::move(address.error()));
  return peer;
}

PeerClient::PeerClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

PeerClient::~PeerClient() { stop(); }

Result<> PeerClient::check(const PeerSettings& settings) {
  const auto ways = ways_of(settings);
  return ways ? Result<>() : fail(ways.error());
}

Result<std::unique_ptr<PeerClient>> PeerClient::start(const PeerSettings& settings) {
  auto ways = ways_of(settings);
  if (!ways) return fail(std::move(ways.error()));
  auto impl = std::make_unique<Impl>(settings.limits);
  impl->use(std::move(*ways));
  impl->thread = std::thread([run = impl.get()] { run->run(); });
  return std::unique_ptr<PeerClient>(new PeerClient(std::move(impl)));
}

Result<> PeerClient::reload(const PeerSettings& settings) {
  auto ways = ways_of(settings);
  if (!ways) return fail(std::move(ways.error()));
  impl_->use(std::move(*ways));
  return {};
}

void PeerClient::send(const std::string& peer, const handoff::Message& message) {
  const auto link = impl_->links.with([&](const auto& links) -> std::shared_ptr<PeerLink> {
    const auto found = links.find(peer);
    return found == links.end() ? nullptr : found->second;
  });
  if (!link) return log::debug("peer.unknown", {{"peer", peer}});
  link->send(handoff::encode(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::vector<handoff::PeerView> PeerClient::peers() const {
  std::vector<handoff::PeerView> views;
  for (const auto& [name, link] : impl_->links.with([](const auto& links) { return links; })) views.push_back(link->view());
  return views;
}

std::vector<Sample> PeerClient::samples() const {
  std::vector<Sample> samples;
  for (const auto& [name, link] : impl_->links.with([](const auto& links) { return links; })) link->add_samples(samples);
  return samples;
}

void PeerClient::stop() {
  for (const auto& [name, link] : impl_->links.with([](auto& links) { return std::exchange(links, {}); })) link->close();
  impl_->work.reset();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace vs::http
