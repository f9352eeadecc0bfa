// What a guest sees: the node's file system read-only, with everything that leads to the node's
// services out of sight.
//
// For a process that is alone in its mount namespace. Errors name the path; after one the view is
// half made and must not be used.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace vs::ctl {

inline constexpr const char* kDeviceDirectory = "/run/vservice";  // as in abi/local.h
inline constexpr const char* kLibraryDirectory = "/run/vservice-lib";
inline constexpr const char* kScratchLimits =
    "size=256m,nr_inodes=65536";  // of each file system that a guest can fill

struct GuestView {
  std::filesystem::path socket_directory;
  std::vector<std::filesystem::path> libraries;
  std::vector<std::filesystem::path> hidden;
};

// The directories to cover, absolute and without links, each once; those that do not exist are left
// out. invalid, when one of them holds what every program needs (/usr, /etc ...).
Result<std::vector<std::filesystem::path>> plan_hidden(
    const std::vector<std::filesystem::path>& directories);

// Turns the calling process' mount namespace into the view. The working directory is / afterwards.
Result<> make_guest_view(const GuestView& view);

}  // namespace vs::ctl
