#include "vsmgrd/hypervisor/libxl_hypervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

extern "C" {
#include <libxl.h>
#include <libxl_utils.h>
#include <xenstore.h>
}

#include "base/log.h"

namespace vs {
namespace {

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

std::string text_or(char* owned, const char* otherwise) {
  const Text text(owned);
  return text ? std::string(text.get()) : std::string(otherwise);
}

// libxl's words in our log; the last error is kept, for who could not open it.
struct Logger {
  xentoollog_logger base;
  std::string last_error;
};

__attribute__((format(printf, 5, 0))) void log_message(xentoollog_logger* logger, xentoollog_level level, int error,
                                                       const char* context, const char* format, va_list arguments) {
  char words[512];
  std::vsnprintf(words, sizeof words, format, arguments);
  const char* part = context == nullptr ? "" : context;
  auto* own = reinterpret_cast<Logger*>(logger);
  if (level >= XTL_ERROR) own->last_error = words;
  if (level >= XTL_ERROR) {
    log::error("libxl", {{"part", part}, {"message", words}, {"errno", error}});
  } else if (level >= XTL_WARN) {
    log::warn("libxl", {{"part", part}, {"message", words}});
  } else if (level >= XTL_INFO) {
    log::debug("libxl", {{"part", part}, {"message", words}});
  }
}

void log_no_progress(xentoollog_logger*, const char*, const char*, int, unsigned long, unsigned long) {}
void keep_logger(xentoollog_logger*) {}

void free_logger(xentoollog_logger* logger) { delete reinterpret_cast<Logger*>(logger); }

std::unique_ptr<xentoollog_logger, void (*)(xentoollog_logger*)> make_logger() {
  return {&(new Logger{{log_message, log_no_progress, keep_logger}, {}})->base, free_logger};
}

const std::string& last_error(const xentoollog_logger& logger) { return reinterpret_cast<const Logger&>(logger).last_error; }

std::string ranges(const libxl_bitmap& cpus, std::uint32_t processors) {
  std::string text;
  const auto set = [&](std::uint32_t cpu) { return libxl_bitmap_test(&cpus, static_cast<int>(cpu)) != 0; };
  std::uint32_t count = 0;
  for (std::uint32_t first = 0; first < processors; ++first) {
    if (!set(first)) continue;
    std::uint32_t last = first;
    while (last + 1 < processors && set(last + 1)) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(first) + (last > first ? "-" + std::to_string(last) : "");
    count += last - first + 1;
    first = last;
  }
  return count == processors ? "all" : text;
}

std::string uuid_text(const libxl_uuid& uuid) {
  const std::uint8_t* bytes = libxl_uuid_bytearray_const(&uuid);
  std::string text;
  for (int i = 0; i < 16; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", bytes[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += two;
  }
  return text;
}

const char* type_name(libxl_domain_type type) {
  switch (type) {
    case LIBXL_DOMAIN_TYPE_PV: return "pv";
    case LIBXL_DOMAIN_TYPE_PVH: return "pvh";
    case LIBXL_DOMAIN_TYPE_HVM: return "hvm";
    default: return "";
  }
}

// Where a guest was found: in words, if not all of its vCPUs are on the same processors.
std::string where(const Guest& guest, const VcpuPins& pins) {
  if (!pins.cpupool.empty() && guest.cpupool != pins.cpupool) return "cpupool " + guest.cpupool;
  std::string text;
  for (const Vcpu& vcpu : guest.vcpus) {
    const std::string& now = pins.soft ? vcpu.soft : vcpu.hard;
    if (!text.empty() && text != now) return "several sets of CPUs";
    text = now;
  }
  return "CPUs " + text;
}

std::string name_node(std::uint32_t domid) { return "/local/domain/" + std::to_string(domid) + "/name"; }

}  // namespace

struct LibxlHypervisor::Handles {
  std::unique_ptr<xentoollog_logger, void (*)(xentoollog_logger*)> logger = make_logger();
  libxl_ctx* libxl = nullptr;
  xs_handle* store = nullptr;

  ~Handles() {
    if (store != nullptr) ::xs_close(store);
    if (libxl != nullptr) ::libxl_ctx_free(libxl);
  }
};

Result<std::unique_ptr<LibxlHypervisor>> LibxlHypervisor::open(std::function<void()> on_change) {
  std::string roles;
  std::getline(std::ifstream("/proc/xen/capabilities"), roles);
  if (roles.find("control_d") == std::string::npos)
    return fail(ErrorCode::unavailable, "this is not the control domain of a Xen");
  if (::geteuid() != 0) return fail(ErrorCode::unavailable, "only root may ask Xen");
  auto handles = std::make_unique<Handles>();
  handles->store = ::xs_open(0);
  if (handles->store == nullptr) return fail(ErrorCode::unavailable, "xenstore does not answer");
  if (::libxl_ctx_alloc(&handles->libxl, LIBXL_VERSION, 0, handles->logger.get()) != 0) {
    handles->libxl = nullptr;
    return fail(ErrorCode::unavailable, "libxl: " + last_error(*handles->logger));
  }
  // The daemon has children of its own: libxl is to leave SIGCHLD alone.
  static const libxl_childproc_hooks kHooks{.chldowner = libxl_sigchld_owner_mainloop};
  ::libxl_childproc_setmode(handles->libxl, &kHooks, nullptr);
  for (const char* news : {"@introduceDomain", "@releaseDomain"})
    if (!::xs_watch(handles->store, news, "domains")) return fail(ErrorCode::unavailable, "xenstore: no watch");
  std::unique_ptr<LibxlHypervisor> opened(new LibxlHypervisor(std::move(handles), std::move(on_change)));
  opened->stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  opened->work_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  opened->read_all();
  opened->thread_ = std::thread([made = opened.get()] { made->run(); });
  return opened;
}

LibxlHypervisor::LibxlHypervisor(std::unique_ptr<Handles> handles, std::function<void()> on_change)
    : handles_(std::move(handles)), on_change_(std::move(on_change)) {}

LibxlHypervisor::~LibxlHypervisor() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) != sizeof one) log::error("hypervisor.not_stopped");
  if (thread_.joinable()) thread_.join();
}

std::vector<Guest> LibxlHypervisor::guests() const { return guests_.with([](const auto& guests) { return guests; }); }
std::string LibxlHypervisor::trouble() const { return trouble_.with([](const auto& trouble) { return trouble; }); }

std::optional<Host> LibxlHypervisor::host() const { return host_.with([](const auto& host) { return host; }); }

void LibxlHypervisor::pin(std::map<std::uint32_t, VcpuPins> wanted) {
  const bool other = wanted_.with([&](Wanted& now) {
    const bool differs = now.pins != wanted;
    now.pins = std::move(wanted);
    return differs;
  });
  if (other) wake();
}

void LibxlHypervisor::look() {
  wanted_.with([](Wanted& now) { now.look = true; });
  wake();
}

void LibxlHypervisor::wake() {
  const std::uint64_t one = 1;
  (void)!::write(work_.get(), &one, sizeof one);  // one that is full wakes all the same
}

void LibxlHypervisor::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    pollfd news[3]{{::xs_fileno(handles_->store), POLLIN, 0}, {stop_.get(), POLLIN, 0}, {work_.get(), POLLIN, 0}};
    if (::poll(news, 3, -1) < 0) continue;
    if (news[1].revents != 0) return;
    ::poll(&news[1], 1, static_cast<int>(kReadPause.count()));
    std::uint64_t rings = 0;
    (void)!::read(work_.get(), &rings, sizeof rings);
    bool something = wanted_.with([](Wanted& now) { return std::exchange(now.look, false); });
    while (char** event = ::xs_check_watch(handles_->store)) {
      something = true;
      std::free(event);
    }
    if (something) read_all();
    if ((something || rings != 0) && put_right()) read_all();
  }
}

bool LibxlHypervisor::put_right() {
  auto wanted = wanted_.with([](const Wanted& now) { return now.pins; });
  const std::size_t processors = host_.with([](const auto& host) { return host ? host->cpus.size() : std::size_t{0}; });
  const auto before = std::exchange(pinned_, {});
  bool changed = false;
  for (const Guest& guest : guests()) {
    if (guest.going) continue;
    const auto old = before.find(guest.domid);
    const auto named = wanted.find(guest.domid);
    if (named == wanted.end()) {
      if (old == before.end() || old->second.pins.cpus.empty()) continue;
      VcpuPins anywhere;  // what was pinned, and is to be no more
      for (std::uint32_t cpu = 0; cpu < processors; ++cpu) anywhere.cpus.push_back(cpu);
      changed = put(guest.domid, guest.vcpus.size(), anywhere).empty() || changed;
      continue;
    }
    Pinned& now = pinned_[guest.domid];
    if (old != before.end()) now = old->second;
    const bool same = now.pins == named->second, was_right = std::exchange(now.right, is_pinned(guest, named->second, processors));
    now.pins = named->second;
    if (now.right) {
      now.trouble.clear();
    } else {
      if (same && was_right) {
        ++now.put_back;
        now.found = where(guest, now.pins);
      }
      now.trouble = put(guest.domid, guest.vcpus.size(), now.pins);
      now.right = now.trouble.empty();
    }
    changed = changed || old == before.end() || !(old->second == now);
  }
  return changed;
}

std::string LibxlHypervisor::put(std::uint32_t domid, std::size_t vcpus, const VcpuPins& pins) {
  libxl_ctx* libxl = handles_->libxl;
  reinterpret_cast<Logger*>(handles_->logger.get())->last_error.clear();
  const auto refused = [&](const std::string& what) {
    const std::string& why = last_error(*handles_->logger);
    return why.empty() ? what + ": refused" : what + ": " + why;
  };
  if (!pins.cpupool.empty()) {
    std::uint32_t pool = 0;
    if (::libxl_name_to_cpupoolid(libxl, pins.cpupool.c_str(), &pool) != 0) return "cpupool " + pins.cpupool + ": there is none";
    if (::libxl_cpupool_movedomain(libxl, pool, domid) != 0) return refused("cpupool " + pins.cpupool);
  }
  if (pins.cpus.empty()) return {};
  libxl_bitmap all, some;
  libxl_bitmap_init(&all);
  libxl_bitmap_init(&some);
  std::string why;
  if (::libxl_cpu_bitmap_alloc(libxl, &all, 0) != 0 || ::libxl_cpu_bitmap_alloc(libxl, &some, 0) != 0) {
    why = refused("bitmap");
  } else {
    libxl_bitmap_set_any(&all);
    for (const std::uint32_t cpu : pins.cpus) libxl_bitmap_set(&some, static_cast<int>(cpu));
    const libxl_bitmap& hard = pins.soft ? all : some;
    // Each by its own call: the one for all says nothing of the first that failed.
    for (std::size_t vcpu = 0; vcpu < vcpus && why.empty(); ++vcpu)
      if (::libxl_set_vcpuaffinity(libxl, domid, static_cast<std::uint32_t>(vcpu), &hard, &some) != 0)
        why = refused("vCPU " + std::to_string(vcpu));
  }
  libxl_bitmap_dispose(&all);
  libxl_bitmap_dispose(&some);
  return why;
}

void LibxlHypervisor::read_host() {
  libxl_ctx* libxl = handles_->libxl;
  Host host;
  int count = 0;
  libxl_cputopology* cpus = ::libxl_get_cpu_topology(libxl, &count);
  for (int i = 0; cpus != nullptr && i < count; ++i)
    if (cpus[i].core != LIBXL_CPUTOPOLOGY_INVALID_ENTRY && static_cast<std::uint32_t>(i) < kCpusMax)
      host.cpus.push_back({static_cast<std::uint32_t>(i), cpus[i].core, cpus[i].socket, cpus[i].node});
  if (cpus != nullptr) ::libxl_cputopology_list_free(cpus, count);
  int pools = 0;
  libxl_cpupoolinfo* list = ::libxl_list_cpupool(libxl, &pools);
  for (int i = 0; list != nullptr && i < pools; ++i) {
    auto& in = host.pools[list[i].pool_name == nullptr ? "" : list[i].pool_name];
    if (list[i].poolid == 0 && list[i].pool_name != nullptr) host.first_pool = list[i].pool_name;
    for (const HostCpu& cpu : host.cpus)
      if (libxl_bitmap_test(&list[i].cpumap, static_cast<int>(cpu.number)) != 0) in.push_back(cpu.number);
  }
  if (list != nullptr) ::libxl_cpupoolinfo_list_free(list, pools);
  // Of this domain, which is 0 wherever libxl runs.
  int vcpus = 0, processors = 0;
  libxl_vcpuinfo* own = ::libxl_list_vcpu(libxl, 0, &vcpus, &processors);
  host.same = own != nullptr && vcpus > 0;
  for (int v = 0; own != nullptr && v < vcpus; ++v)
    host.same = host.same && ranges(own[v].cpumap, static_cast<std::uint32_t>(processors)) == (processors == 1 ? "all" : std::to_string(own[v].vcpuid));
  if (own != nullptr) ::libxl_vcpuinfo_list_free(own, vcpus);
  host_.with([&](auto& known) { known = std::move(host); });
}

void LibxlHypervisor::read_all() {
  libxl_ctx* libxl = handles_->libxl;
  int count = 0;
  libxl_dominfo* domains = ::libxl_list_domain(libxl, &count);
  if (domains == nullptr) {
    trouble_.with([&](auto& trouble) { trouble = "libxl: " + last_error(*handles_->logger); });
    return;
  }
  trouble_.with([](auto& trouble) { trouble.clear(); });
  std::vector<Guest> guests;
  for (int i = 0; i < count && guests.size() < kGuestsMax; ++i) {
    const libxl_dominfo& domain = domains[i];
    if (domain.domid == 0) continue;
    Guest guest{.domid = domain.domid,
                .name = text_or(::libxl_domid_to_name(libxl, domain.domid), ""),
                .uuid = uuid_text(domain.uuid),
                .type = type_name(domain.domain_type),
                .going = domain.shutdown || domain.dying,
                .memory_mib = domain.current_memkb / 1024,
                .cpupool = text_or(::libxl_cpupoolid_to_name(libxl, domain.cpupool), "")};
    libxl_domain_sched_params scheduling;
    libxl_domain_sched_params_init(&scheduling);
    if (::libxl_domain_sched_params_get(libxl, domain.domid, &scheduling) == 0 && scheduling.weight > 0)
      guest.weight = static_cast<std::uint32_t>(scheduling.weight);
    libxl_domain_sched_params_dispose(&scheduling);
    int vcpus = 0, processors = 0;
    libxl_vcpuinfo* list = ::libxl_list_vcpu(libxl, domain.domid, &vcpus, &processors);
    for (int v = 0; list != nullptr && v < vcpus; ++v)
      guest.vcpus.push_back({.number = list[v].vcpuid,
                             .online = list[v].online,
                             .hard = ranges(list[v].cpumap, static_cast<std::uint32_t>(processors)),
                             .soft = ranges(list[v].cpumap_soft, static_cast<std::uint32_t>(processors))});
    if (list != nullptr) ::libxl_vcpuinfo_list_free(list, vcpus);
    guests.push_back(std::move(guest));
  }
  ::libxl_dominfo_list_free(domains, count);
  std::sort(guests.begin(), guests.end(), [](const Guest& a, const Guest& b) { return a.domid < b.domid; });
  for (Guest& guest : guests)
    if (const auto found = pinned_.find(guest.domid); found != pinned_.end()) {
      guest.pin_trouble = found->second.trouble;
      guest.put_back = found->second.put_back;
      guest.found = found->second.found;
    }
  watch_names(guests);
  read_host();
  const bool news = guests_.with([&](auto& seen) { return std::exchange(seen, guests) != guests; });
  if (news && on_change_) on_change_();
}

void LibxlHypervisor::watch_names(const std::vector<Guest>& guests) {
  std::vector<std::uint32_t> wanted;
  for (const Guest& guest : guests) wanted.push_back(guest.domid);
  for (const std::uint32_t domid : watched_)
    if (std::find(wanted.begin(), wanted.end(), domid) == wanted.end())
      ::xs_unwatch(handles_->store, name_node(domid).c_str(), "name");
  for (const std::uint32_t domid : wanted)
    if (std::find(watched_.begin(), watched_.end(), domid) == watched_.end())
      ::xs_watch(handles_->store, name_node(domid).c_str(), "name");
  watched_ = std::move(wanted);
}

std::unique_ptr<Hypervisor> open_hypervisor(std::function<void()> on_change) {
  auto opened = LibxlHypervisor::open(std::move(on_change));
  if (opened) {
    log::info("hypervisor.opened", {{"guests", (*opened)->guests().size()}});
    return std::move(*opened);
  }
  log::info("hypervisor.none", {{"reason", opened.error().message}, {"served", "local domains"}});
  return std::make_unique<NoHypervisor>(opened.error().message);
}

}  // namespace vs
