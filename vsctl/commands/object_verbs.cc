#include "vsctl/commands/verbs.h"

#include <memory>

#include "vsctl/commands/delete.h"
#include "vsctl/commands/describe.h"
#include "vsctl/commands/edit.h"
#include "vsctl/commands/get.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/patch.h"
#include "vsctl/commands/schema.h"
#include "vsctl/commands/wait.h"

namespace vs::ctl {
namespace {

void add_get(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<GetOptions>();
  auto* command =
      add(app, chosen, "get", "Lists the objects of a kind, or shows one.", options, get);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "Only the object of this name");
  command
      ->add_option("-l,--label", options->labels,
                   "Only objects that a label selector fits: key=value, key!=value, key, !key, key in "
                   "(a, b); may be repeated")
      ->allow_extra_args(false);
  command->add_option("--filter", options->filter,
                      "Only objects for which this holds, such as \"spec.domain eq 'web1'\"");
  command->add_flag("--no-headers", options->no_headings, "A table without its first line");
  command->footer("Examples:\n  vsctl get bindings -l team=web -o yaml\n  vsctl get binding web1-dns -o jsonpath='{.status.state}'");
}

void add_describe(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<DescribeOptions>();
  auto* command =
      add(app, chosen, "describe", "Shows everything about one object, and what depends on it.",
          options, describe);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "The object's name")->required();
  command->footer("Example:\n  vsctl describe domain web1");
}

void add_delete(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<DeleteOptions>();
  auto* command = add(app, chosen, "delete", "Deletes one object, unless others need it.", options,
                      delete_object);
  command->add_option("KIND", options->kind, kKindHelp)->required();
  command->add_option("NAME", options->name, "The object's name")->required();
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->footer("Exit code 3: there is none, 4: others need it, and the error names them.\nExample:\n  vsctl delete binding web1-dns");
}

void add_named(CLI::App& command, std::string& kind, std::string& name) {
  command.add_option("KIND", kind, kKindHelp)->required();
  command.add_option("NAME", name, "The object's name")->required();
}

void add_edit(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<EditOptions>();
  auto* command = add(app, chosen, "edit", "Opens an object in your editor, and puts it back if nobody changed it meanwhile.",
                      options, edit);
  add_named(*command, options->kind, options->name);
  command->footer("The editor is VSCTL_EDITOR, VISUAL or EDITOR, or else vi. What is refused comes back to it, with the lines that are wrong.\n"
                  "Exit code 2: given up; the error names the file that keeps your text.\nExample:\n  vsctl edit binding web1-dns");
}

void add_patch(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<PatchOptions>();
  auto* command = add(app, chosen, "patch", "Changes parts of an object.", options, patch);
  add_named(*command, options->kind, options->name);
  command->add_option("-p,--patch", options->patch, "A merge patch (RFC 7396), as JSON; null removes")->required();
  command->add_option("--if-match", options->if_match, "Only if it is at this resourceVersion");
  command->add_flag("--dry-run", options->dry_run, "Only say what would change");
  command->footer("Exit code 4: it is not at the version of --if-match.\nExample:\n  vsctl patch domain web1 -p '{\"metadata\": {\"labels\": {\"team\": \"web\"}}}'");
}

void add_wait(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<WaitOptions>();
  auto* command = add(app, chosen, "wait", "Waits until an object is as it should be.", options, wait);
  add_named(*command, options->kind, options->name);
  command->add_option("--for", options->condition, "condition=NAME[=STATUS], state=NAME or deleted")->required();
  command->footer("A binding has the conditions Allowed, Applied and Ready; every object has a state.\n"
                  "Exit code 3: there is no such object, 7: not within --timeout, which is 10s by default.\n"
                  "Examples:\n  vsctl wait binding web1-dns --for state=Bound\n  vsctl wait binding web1-dns --for condition=Ready --timeout 1m\n"
                  "  vsctl wait domain web1 --for deleted");
}

void add_schema(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<SchemaOptions>();
  auto* command = add(app, chosen, "schema", "Shows what a document may hold; also as `explain schema`.", options, explain_schema);
  command->add_option("PATH", options->path, "A kind, then members, such as binding.spec.buffers")->required();
  command->footer("Example:\n  vsctl schema binding.spec.buffers");
}

}  // namespace

void add_object_verbs(CLI::App& app, Command& chosen) {
  add_get(app, chosen);
  add_describe(app, chosen);
  add_delete(app, chosen);
  add_edit(app, chosen);
  add_patch(app, chosen);
  add_wait(app, chosen);
  add_schema(app, chosen);
}

}  // namespace vs::ctl
