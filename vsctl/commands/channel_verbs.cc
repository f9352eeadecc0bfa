#include <memory>

#include "vsctl/commands/channel.h"
#include "vsctl/commands/verbs.h"

namespace vs::ctl {
namespace {

void add_channel_ls(CLI::App& channel, Command& chosen) {
  auto options = std::make_shared<ChannelListOptions>();
  auto* command = add(channel, chosen, "ls", "Lists the channels of the service of a binding.", options, list_channels);
  command->add_option("BINDING", options->binding, "A binding to the service")->required();
  command->footer("Example:\n  vsctl channel ls screen-bus -o json");
}

void add_channel_get(CLI::App& channel, Command& chosen) {
  auto options = std::make_shared<ChannelGetOptions>();
  auto* command = add(channel, chosen, "get", "Shows one channel: its schema, and how it is derived.", options, get_channel);
  command->add_option("BINDING", options->binding, "A binding to the service")->required();
  command->add_option("CHANNEL", options->channel, "Its name")->required();
  command->footer("Channels are declared with their service (vsctl apply), or by guests.\nExample:\n  vsctl channel get screen-bus rooms.usual");
}

void add_channel_top(CLI::App& channel, Command& chosen) {
  auto options = std::make_shared<ChannelTopOptions>();
  auto* command = add(channel, chosen, "top", "Shows how many events a second the channels take.", options, top_channels);
  command->add_option("BINDING", options->binding, "A binding to the service")->required();
  command->add_flag("--once", options->once, "One table, no full screen");
  command->add_option("--interval", options->interval, "Between two looks")->option_text("DURATION [2s]");
  command->footer("Key: q ends it.\nExample:\n  vsctl channel top screen-bus --once");
}

void add_channel_pub(CLI::App& channel, Command& chosen) {
  auto options = std::make_shared<ChannelRunOptions>();
  auto* command = add(channel, chosen, "pub", "Publishes texts as a guest, one event each.", options, publish_to_channel);
  command->add_option("DOMAIN", options->domain, "The guest to be; its device is called pubsub")->required();
  command->add_option("CHANNEL", options->channel, "Its name")->required();
  command->add_option("TEXT", options->texts, "What to publish; several may be given")->required();
  command->footer("With the guest's rights, in its sandbox.\nExample:\n  vsctl channel pub sensor room.north 21");
}

void add_channel_sub(CLI::App& channel, Command& chosen) {
  auto options = std::make_shared<ChannelRunOptions>();
  auto* command = add(channel, chosen, "sub", "Shows the events that a guest would get.", options, subscribe_to_channel);
  command->add_option("DOMAIN", options->domain, "The guest to be; its device is called pubsub")->required();
  command->add_option("PATTERN", options->channel, "A channel's name, or a pattern")->required();
  command->add_option("--filter", options->filter, "Only events for which this holds")->option_text("EXPRESSION");
  command->add_option("--count", options->count, "End after so many events")->option_text("COUNT");
  command->footer("With the guest's rights, in its sandbox.\nExample:\n  vsctl channel sub screen 'room.*' --filter 'size(payload) < 10'");
}

}  // namespace

void add_channel_verbs(CLI::App& app, Command& chosen) {
  auto* channel = app.add_subcommand("channel", "Lists and watches channels; publishes and subscribes as a guest.");
  channel->require_subcommand(1);
  channel->footer("Example:\n  vsctl channel ls screen-bus");
  add_channel_get(*channel, chosen);
  add_channel_ls(*channel, chosen);
  add_channel_pub(*channel, chosen);
  add_channel_sub(*channel, chosen);
  add_channel_top(*channel, chosen);
}

}  // namespace vs::ctl
