// `vsctl channel`: the channels of a service, as a binding sees them, and an operator's publishing and subscribing.
//
// What there is comes from the daemon (status.live.channels of a binding); publishing and subscribing is done as a guest, with its rights:
// `pub` and `sub` run the program `channel` in the domain's sandbox. Owned by one thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vsctl/commands/session.h"

namespace vs::ctl {

struct ChannelListOptions {
  std::string binding;
};
Outcome<ExitCode> list_channels(Session& session, const ChannelListOptions& options);

struct ChannelGetOptions {
  std::string binding;
  std::string channel;
};
Outcome<ExitCode> get_channel(Session& session, const ChannelGetOptions& options);

struct ChannelTopOptions {
  std::string binding;
  bool once = false;            // two looks, one table, no full screen
  std::string interval = "2s";  // between looks
};
Outcome<ExitCode> top_channels(Session& session, const ChannelTopOptions& options);

struct ChannelRunOptions {
  std::string domain;
  std::string channel;             // of sub: a pattern
  std::vector<std::string> texts;  // of pub
  std::string filter;              // of sub
  unsigned count = 0;              // of sub: then it ends; 0: never
};
// Ends as the program does.
Outcome<ExitCode> publish_to_channel(Session& session, const ChannelRunOptions& options);
Outcome<ExitCode> subscribe_to_channel(Session& session, const ChannelRunOptions& options);

// The program, in the first of `directories` that has it; empty: in none.
std::filesystem::path find_channel_program(const std::vector<std::filesystem::path>& directories);

}  // namespace vs::ctl
