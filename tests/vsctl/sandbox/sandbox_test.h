// The real `vsctl run`, with a daemon that says where the domain's sockets are, and those sockets'
// directory.
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

#include "tests/vsctl/cli_test.h"
#include "vsctl/sandbox/identity.h"

namespace vs::ctl::test {

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    nlohmann::json web1 = domain("web1");
    web1["status"]["socketDirectory"] = sockets_;
    daemon_.answers("GET /v1/domains/web1", web1);
    directory_.write("domains/web1/answer", "192.0.2.7");
    directory_.write("domains/web2/secret", "web2's own");
  }

  [[nodiscard]] std::vector<std::string> run_command(
      std::vector<std::string> command, const std::vector<std::string>& options = {}) const {
    std::vector<std::string> whole{vsctl_, "--socket", daemon_.socket_path(), "run", "web1"};
    whole.insert(whole.end(), options.begin(), options.end());
    whole.emplace_back("--");
    whole.insert(whole.end(), command.begin(), command.end());
    return whole;
  }
  // What a command says inside; `input` is its standard input.
  [[nodiscard]] Finished inside(const std::vector<std::string>& command,
                                const std::string& input = "") const {
    return run_process(run_command(command), input);
  }
  [[nodiscard]] Finished shell(const std::string& script) const {
    return inside({"sh", "-c", script});
  }

  // The guest's id on the node, as it must be for the user who runs the tests.
  static std::uint32_t expected_id() { return ::geteuid() == 0 ? guest_id("web1") : ::geteuid(); }

  const std::string vsctl_ = VS_GUEST_TREE "/bin/vsctl";
  TemporaryDirectory directory_;
  const std::string sockets_ = directory_.path() + "/domains/web1";
  FakeDaemon daemon_{directory_.path() + "/vsmgrd.sock"};
};

}  // namespace vs::ctl::test
