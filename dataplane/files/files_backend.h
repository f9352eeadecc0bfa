// The backend of the kind `files`: a directory of service files for each domain that may have one, over 9P.
//
// It is a guest of the other backends, on behalf of the domain whose home it opens devices in: rights, rates and counters are those of
// that domain's own bindings. A mount shows those of them that vsmgrd names in the binding's rights: {"devices": {NAME: KIND}}.
// Owned by the loop's thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "dataplane/backend/commanded.h"
#include "dataplane/backend/epoch_fence.h"
#include "dataplane/files/carrier.h"
#include "dataplane/files/server.h"
#include "dataplane/files/workers.h"
#include "dataplane/transport/xen/ninepfs_door.h"

namespace vs::files {

class FilesBackend final : public Commanded {
 public:
  // `homes`: where each domain has a directory with its devices. `door`: nullptr where there is no Xen; outlives this.
  FilesBackend(EventLoop& loop, std::filesystem::path homes, NinePfsDoor* door);
  ~FilesBackend() override;

  [[nodiscard]] std::uint64_t config_number() const override { return config_number_; }
  void configure(const control::Configure& configure, std::function<void(control::Applied)> done) override;
  void report(std::function<void(std::vector<Sample>)> done) override;
  void flush(const control::Flush& /*what*/, std::function<void(std::uint64_t)> done) override { done(0); }  // keeps nothing
  void describe(const std::string& binding, std::function<void(nlohmann::json)> done) override;
  void locate(std::function<void(control::Located)> done) override { done({}); }  // is not placed
  // A mount asks the devices of its domain, which wait where they are frozen: nothing of its own is to be drained, and nothing goes along.
  void freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) override;
  void thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) override;
  void stage(const control::Stage& stage, std::function<void(std::string)> done) override;
  void take_refusals(std::function<void(std::vector<control::Refused>)> done) override { done({}); }
  void ping(std::function<void()> done) override { done(); }
  void on_refusal(std::function<void()> /*callback*/) override {}  // what is not granted is not there

 private:
  struct Mount {
    control::BindingConfig config;
    Tree tree;
    ServerCounts counts;
    std::uint64_t refused_clients = 0;  // too many, or none that speaks the protocol
    std::size_t clients = 0;
    std::unique_ptr<Carrier> carrier;
  };

  Result<std::unique_ptr<Carrier>> open_carrier(Mount& mount);
  Tree tree_of(Mount& mount);
  Connect connect_to(Mount& mount);

  EventLoop& loop_;
  std::filesystem::path homes_;
  NinePfsDoor* door_;
  std::uint64_t config_number_ = 0;
  EpochFence fence_;
  std::map<std::string, std::unique_ptr<Mount>> mounts_;  // by binding
  Workers workers_;  // ends first: its work posts to the loop
};

}  // namespace vs::files
