// The open sessions of one device, for several threads: each is taken, used by one, and put back.
//
// Thread-safe. Errors: negative errnos, as in dataplane/client/vservice.h.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/client/vservice.h"

namespace vs::files {

inline constexpr int kOpenTimeoutMs = 5000;

class Devices {
 public:
  struct Close {
    void operator()(vs_device* device) const { vs_close(device); }
  };
  using Device = std::unique_ptr<vs_device, Close>;

  // The device `name` of a service of `kind`, in the home of its domain.
  Devices(std::string home, std::string name, std::string kind)
      : home_(std::move(home)), name_(std::move(name)), kind_(std::move(kind)) {}

  // One that is idle, or a new one: 0, or why not.
  int take(Device& device);
  void put_back(Device device);

 private:
  const std::string home_;
  const std::string name_;
  const std::string kind_;
  std::mutex mutex_;
  std::vector<Device> idle_;
};

}  // namespace vs::files
