// Xen's domains, read with libxl when xenstore says that something happened: a domain came, went, or has another name.
//
// A thread of its own does all the reading; it blocks every signal. libxl is told that SIGCHLD is the daemon's own: nothing that is
// called here starts a process. What libxl has to say goes into our log.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
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

 private:
  struct Handles;
  explicit LibxlHypervisor(std::unique_ptr<Handles> handles, std::function<void()> on_change);
  void run();
  void read_all();
  void watch_names(const std::vector<Guest>& guests);

  std::unique_ptr<Handles> handles_;
  std::function<void()> on_change_;
  Guarded<std::vector<Guest>> guests_;
  Guarded<std::string> trouble_;
  std::vector<std::uint32_t> watched_;  // domids
  UniqueFd stop_;
  std::thread thread_;
};

// The hypervisor of this machine, or one that says why there is none; that is also in the log, in one line.
std::unique_ptr<Hypervisor> open_hypervisor(std::function<void()> on_change);

}  // namespace vs
