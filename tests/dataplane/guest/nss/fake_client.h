// A libvservice for tests: the functions of vservice.h over a script instead of a backend.
//
// Thread-safe. Devices hold a real descriptor, so that a program which closes all descriptors is
// noticed as it would be. What no user of libvservice may do is counted in violations(): a device
// used by two threads at once, after its end, or by a child.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/client/vservice.h"
#include "tests/dataplane/guest/nss/answers.h"

namespace vs::test {

struct Asked {
  std::string name;                        // of a lookup
  std::array<std::uint8_t, 16> address{};  // of a reverse lookup
  int family = 0;
  int timeout_ms = 0;
  int device = 0;  // number of the device, counted from 1 in the order of opening
};

struct Reply {
  int error = 0;  // negative errno, or 0 and the answer
  std::unique_ptr<Answer> answer;
};

class FakeClient {
 public:
  using Script = std::function<Reply(const Asked&)>;
  using OpenScript = std::function<int(int timeout_ms)>;

  static FakeClient& get();

  // Forgets scripts and counts; devices opened before are no longer alive, so that nothing of an
  // earlier test is used again.
  void reset();
  void on_open(OpenScript script);
  void on_resolve(Script script);

  // Answers every lookup with these.
  void answer(vs_dns_result result, const std::string& canonical,
              const std::vector<vs_dns_result_address>& addresses,
              const std::vector<std::string>& names = {});
  void fail(int error);

  [[nodiscard]] int opens() const { return opens_; }
  [[nodiscard]] int closes() const { return closes_; }
  [[nodiscard]] int forgets() const { return forgets_; }
  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] int answers_alive() const { return answers_alive_; }
  [[nodiscard]] int violations() const { return violations_; }

  // Called by the functions of vservice.h.
  int open(const char* name, const char* service, int timeout_ms, vs_device** device);
  void end(vs_device* device, bool told);
  [[nodiscard]] bool alive(const vs_device& device) const;
  int resolve(vs_device& device, Asked asked, vs_dns_result_set** answer);
  void free(vs_dns_result_set* answer);

 private:
  std::shared_ptr<Script> script_;
  std::shared_ptr<OpenScript> open_script_;
  std::atomic<int> epoch_{0}, opens_{0}, closes_{0}, forgets_{0}, calls_{0}, answers_alive_{0},
      violations_{0};
};

}  // namespace vs::test
