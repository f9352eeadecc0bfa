// Xen's domains, read with libxl when xenstore says that something happened: a domain came, went, or has another name; and put where
// they are to run.
//
// A thread of its own does all the reading and changing; it blocks every signal. libxl is told that SIGCHLD is the daemon's own: nothing that is
// called here starts a process. What libxl has to say goes into our log.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/unique_fd.h"
#include "vsmgrd/hypervisor/hypervisor.h"

struct libxl__ctx;
struct xs_handle;

namespace vs {

inline constexpr std::size_t kGuestsMax = 4096;  // more are not looked at
inline constexpr std::chrono::milliseconds kReadPause{20};  // events of one change come together

// What is said where there is no Xen to ask.
class NoHypervisor final : public Hypervisor {
 public:
  explicit NoHypervisor(std::string trouble) : trouble_(std::move(trouble)) {}
  [[nodiscard]] std::vector<Guest> guests() const override { return {}; }
  [[nodiscard]] std::string trouble() const override { return trouble_; }
  [[nodiscard]] std::optional<Host> host() const override { return std::nullopt; }
  void pin(std::map<std::uint32_t, VcpuPins>) override {}
  void look() override {}

 private:
  std::string trouble_;
};

class LibxlHypervisor final : public Hypervisor {
 public:
  // Errors: unavailable, when this is not Xen's control domain, or not privileged: in one line for people.
  static Result<std::unique_ptr<LibxlHypervisor>> open(std::function<void()> on_change);
  ~LibxlHypervisor() override;
  LibxlHypervisor(const LibxlHypervisor&) = delete;
  LibxlHypervisor& operator=(const LibxlHypervisor&) = delete;

  [[nodiscard]] std::vector<Guest> guests() const override;
  [[nodiscard]] std::string trouble() const override;
  [[nodiscard]] std::optional<Host> host() const override;
  void pin(std::map<std::uint32_t, VcpuPins> wanted) override;
  void look() override;

 private:
  struct Handles;
  struct Wanted {
    std::map<std::uint32_t, VcpuPins> pins;  // by domid
    bool look = false;
  };
  explicit LibxlHypervisor(std::unique_ptr<Handles> handles, std::function<void()> on_change);
  void run();
  void wake();
  void read_all();
  void read_host();
  // True when something was changed.
  bool put_right();
  // Says why not; nothing, when it was done.
  std::string put(std::uint32_t domid, std::size_t vcpus, const VcpuPins& pins);
  void watch_names(const std::vector<Guest>& guests);

  std::unique_ptr<Handles> handles_;
  std::function<void()> on_change_;
  Guarded<std::vector<Guest>> guests_;
  Guarded<std::string> trouble_;
  Guarded<std::optional<Host>> host_;
  Guarded<Wanted> wanted_;
  // Of a guest that is to be somewhere, as put_right() left it.
  struct Pinned {
    VcpuPins pins;
    bool right = false;
    std::string trouble;
    std::uint64_t put_back = 0;
    std::string found;
    friend bool operator==(const Pinned&, const Pinned&) = default;
  };
  std::map<std::uint32_t, Pinned> pinned_;  // by domid
  std::vector<std::uint32_t> watched_;  // domids
  UniqueFd work_;  // an eventfd: there is something wanted
  UniqueFd stop_;
  std::thread thread_;
};

// The hypervisor of this machine, or one that says why there is none; that is also in the log, in one line.
std::unique_ptr<Hypervisor> open_hypervisor(std::function<void()> on_change);

}  // namespace vs
