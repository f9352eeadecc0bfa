#include <memory>

#include "vsctl/commands/placement.h"
#include "vsctl/commands/verbs.h"

namespace vs::ctl {

void add_placement_verbs(CLI::App& app, Command& chosen) {
  auto* placement = app.add_subcommand("placement", "Shows which CPUs serve which binding, and why.");
  placement->require_subcommand(1);
  placement->footer("Example:\n  vsctl placement show");
  auto options = std::make_shared<PlacementOptions>();
  auto* explain = add(*placement, chosen, "explain", "Says what one binding, or one domU's vCPUs, wish and get.", options, explain_placement);
  explain->add_option("BINDING", options->binding, "Its name")->required();
  explain->footer("Example:\n  vsctl placement explain web1-dns");
  add(*placement, chosen, "plan", "Lists what a plan made now would move.", options, plan_placement)
      ->footer("Exit status 1 when something moves. What a file would change, `vsctl apply --dry-run -f FILE` tells.\nExample:\n  vsctl placement plan");
  add(*placement, chosen, "show", "Shows the CPUs and who is served on them.", options, show_placement)
      ->footer("Example:\n  vsctl placement show -o json");
}

}  // namespace vs::ctl
