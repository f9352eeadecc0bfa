// What a guest claims, judged before anything is done with it: its directory page, and the steps of its state.
//
// Pure functions, thread-safe. Errors: invalid, in words for the guest's administrator; what the frontend should be told.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "dataplane/abi/xen.h"
#include "dataplane/transport/transport.h"

namespace vs {

struct DirectoryVerdict {
  Hello hello;
  std::span<const std::uint32_t> refs;  // in the copy
};

struct DirectoryProblem {
  vs_refusal reason;
  const char* what;
};

// `copy` is private; `pages` is what the region of this device takes.
tl::expected<DirectoryVerdict, DirectoryProblem> judge_directory(const vs_xen_directory& copy, std::uint32_t pages);

// What a frontend's state means, by what it was before.
enum class FrontendStep : std::uint8_t {
  none,       // nothing, or nothing new
  opens,      // everything is there: shake hands
  connects,   // it has seen our answer
  ends,       // it goes, or is gone
  misbehaves  // a step that there is not
};
// `before`: nullopt, when the node was not seen before; `now`: nullopt, when it is gone. `answered`: we connected.
FrontendStep frontend_step(std::optional<std::uint32_t> before, std::optional<std::uint32_t> now, bool answered);

}  // namespace vs
