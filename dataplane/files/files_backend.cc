#include "dataplane/files/files_backend.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "dataplane/files/devices.h"
#include "dataplane/files/dns_file.h"
#include "dataplane/files/stats_file.h"
#include "dataplane/files/unix_carrier.h"
#include "dataplane/files/xen_carrier.h"

namespace vs::files {
namespace {

// Names become paths. vsmgrd checked them; what goes into a path is checked where it does.
bool safe_in_path(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name.find('/') == std::string::npos && name.front() != '.';
}

// How many files of a kind there are to be shown: kinds without one are not an error, there are devices for them.
bool has_file(const std::string& kind) { return kind == "dns"; }

}  // namespace

FilesBackend::FilesBackend(EventLoop& loop, std::filesystem::path homes, NinePfsDoor* door)
    : loop_(loop), homes_(std::move(homes)), door_(door) {}

FilesBackend::~FilesBackend() { mounts_.clear(); }

Tree FilesBackend::tree_of(Mount& mount) {
  Tree tree;
  const auto devices = mount.config.rights.is_object() ? mount.config.rights.find("devices") : mount.config.rights.end();
  if (devices != mount.config.rights.end() && devices->is_object())
    for (const auto& [name, kind] : devices->items()) {
      if (!safe_in_path(name) || !kind.is_string() || !has_file(kind.get<std::string>())) continue;
      // One that is open now stays what it is.
      const auto known = std::find_if(mount.tree.begin(), mount.tree.end(), [&name = name](const auto& file) { return file->name() == name; });
      if (known != mount.tree.end()) {
        tree.push_back(*known);
        continue;
      }
      auto open_devices = std::make_shared<Devices>((homes_ / mount.config.domain).string(), name, kind.get<std::string>());
      tree.push_back(std::make_shared<DnsFile>(name, std::move(open_devices), workers_, loop_));
    }
  if (std::none_of(tree.begin(), tree.end(), [](const auto& file) { return file->name() == "stats"; }))
    tree.push_back(std::make_shared<StatsFile>([&mount] {
      return "clients " + std::to_string(mount.clients) + "\nrequests " + std::to_string(mount.counts.requests) + "\nerrors " +
             std::to_string(mount.counts.errors) + "\nrefused " + std::to_string(mount.counts.refused) + "\n";
    }));
  std::sort(tree.begin(), tree.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return tree;
}

Connect FilesBackend::connect_to(Mount& mount) {
  return [&mount](std::uint32_t message_bytes_max) -> Receive {
    struct Counted {
      explicit Counted(Mount& of) : mount(of) { ++mount.clients; }
      ~Counted() { --mount.clients; }
      Counted(const Counted&) = delete;
      Counted& operator=(const Counted&) = delete;
      Mount& mount;
    };
    return [counted = std::make_shared<Counted>(mount),
            server = std::make_shared<Server>(mount.tree, message_bytes_max, mount.counts)](
               std::span<const std::byte> message, const Send& send) { return server->take(message, send); };
  };
}

Result<std::unique_ptr<Carrier>> FilesBackend::open_carrier(Mount& mount) {
  const auto& config = mount.config;
  if (!safe_in_path(config.domain) || !safe_in_path(config.device)) return fail(ErrorCode::invalid, "a name that cannot be a path");
  const auto refused = [&mount] { ++mount.refused_clients; };
  if (!config.domid) {
    auto carrier = UnixCarrier::open(loop_, homes_ / config.domain / config.device, connect_to(mount), refused);
    if (!carrier) return fail(std::move(carrier.error()));
    return std::unique_ptr<Carrier>(std::move(*carrier));
  }
  if (door_ == nullptr)
    return fail(ErrorCode::unavailable, "domain " + config.domain + ": this backend was not started on Xen");
  return std::unique_ptr<Carrier>(std::make_unique<XenCarrier>(
      *door_, NinePfsDoor::Offer{.domid = *config.domid,
                                 .tag = config.device,
                                 .connect = connect_to(mount),
                                 .on_refused = [refused](const std::string& /*why*/) { refused(); }}));
}

void FilesBackend::freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) {
  control::Frozen frozen;
  for (const std::string& name : freeze.bindings) {
    const bool known = mounts_.contains(name);
    frozen.bindings.push_back({name, known ? std::string() : "binding " + name + ": not served here", known});
  }
  done(std::move(frozen));
}

void FilesBackend::thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) {
  control::Thawed thawed;
  for (const std::string& name : thaw.bindings)
    if (mounts_.contains(name)) thawed.bindings.push_back(name);
  done(std::move(thawed));
}

void FilesBackend::stage(const control::Stage& stage, std::function<void(std::string)> done) {
  done(stage.state.empty() ? std::string() : "a mount keeps nothing");
}

void FilesBackend::configure(const control::Configure& commanded, std::function<void(control::Applied)> done) {
  control::Configure configure = commanded;
  control::Applied applied{.number = configure.number, .problems = fence_.judge(configure)};
  auto before = std::exchange(mounts_, {});
  for (const auto& wanted : configure.bindings) {
    if (!wanted.granted) continue;
    auto known = before.extract(wanted.name);
    auto mount = known.empty() ? std::make_unique<Mount>() : std::move(known.mapped());
    const bool same = !known.empty() && mount->config.domain == wanted.domain && mount->config.device == wanted.device &&
                      mount->config.domid == wanted.domid;
    if (!same && mount->carrier != nullptr) mount = std::make_unique<Mount>();
    mount->config = wanted;
    mount->tree = tree_of(*mount);
    if (mount->carrier == nullptr) {
      auto carrier = open_carrier(*mount);
      if (carrier)
        mount->carrier = std::move(*carrier);
      else
        applied.problems.push_back({wanted.name, carrier.error().message});
    }
    mounts_[wanted.name] = std::move(mount);
  }
  before.clear();
  config_number_ = configure.number;
  log::info("backend.configured", {{"number", configure.number},
                                   {"services", configure.services.size()},
                                   {"bindings", configure.bindings.size()},
                                   {"problems", applied.problems.size()}});
  done(std::move(applied));
}

void FilesBackend::report(std::function<void(std::vector<Sample>)> done) {
  std::vector<Sample> samples;
  for (const auto& [name, mount] : mounts_) {
    const auto add = [&samples, &name = name, &mount = mount](const char* metric, const char* help, Sample::Type type, std::uint64_t value) {
      samples.push_back({.name = metric,
                         .help = help,
                         .type = type,
                         .labels = {{"binding", name}, {"domain", mount->config.domain}, {"service", mount->config.service}},
                         .value = static_cast<double>(value)});
    };
    add("vservices_files_clients", "Clients that have the service files mounted.", Sample::Type::gauge, mount->clients);
    add("vservices_files_requests_total", "9P requests.", Sample::Type::counter, mount->counts.requests);
    add("vservices_files_errors_total", "9P requests that were answered with an error.", Sample::Type::counter, mount->counts.errors);
    add("vservices_files_limited_total", "9P requests refused because a limit was reached.", Sample::Type::counter,
        mount->counts.refused);
    add("vservices_files_clients_refused_total", "Clients hung up on: too many, or none that spoke the protocol.",
        Sample::Type::counter, mount->refused_clients);
  }
  done(std::move(samples));
}

void FilesBackend::describe(const std::string& binding, std::function<void(nlohmann::json)> done) {
  const auto found = mounts_.find(binding);
  if (found == mounts_.end()) return done(nullptr);
  const Mount& mount = *found->second;
  nlohmann::json names = nlohmann::json::array();
  for (const auto& file : mount.tree) names.push_back(file->name());
  done({{"files",
         {{"names", std::move(names)},
          {"clients", mount.clients},
          {"requests", mount.counts.requests},
          {"errors", mount.counts.errors},
          {"limited", mount.counts.refused},
          {"clientsRefused", mount.refused_clients}}}});
}

}  // namespace vs::files
