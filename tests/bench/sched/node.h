// The node's side of a measurement: a process with a backend whose service echoes, after so much work.
//
// Errors end the program with a sentence. The child ends with its parent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "dataplane/control/messages.h"

namespace vs::bench {

inline constexpr std::uint16_t kEcho = 256;

[[noreturn]] void give_up(const std::string& why);

struct NodeOptions {
  std::size_t loops = 1;
  std::chrono::nanoseconds service_time{0};  // CPU time that each request costs
  std::vector<control::BindingConfig> bindings;
};

class Node {
 public:
  // Returns when it serves.
  explicit Node(const NodeOptions& options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] std::string socket(const std::string& domain) const { return (directory_ / domain / "echo").string(); }
  // What the backend tells of a binding.
  [[nodiscard]] nlohmann::json live(const std::string& binding);
  [[nodiscard]] std::size_t resident_bytes() const;  // its own; pages shared with guests count where it touched them
  [[nodiscard]] double cpu_seconds() const;

 private:
  std::filesystem::path directory_;
  pid_t process_ = -1;
  int commands_ = -1;
  int answers_ = -1;
};

// A binding of domain `name` with these terms.
control::BindingConfig binding_of(const std::string& name, control::Terms terms = {});

}  // namespace vs::bench
