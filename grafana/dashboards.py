#!/usr/bin/env python3
"""What the dashboards show. Run it to write dashboards/*.json anew; a test says when they differ."""

import pathlib

from grafana import BLUE, GREEN, ORANGE, RED, WIDTH, dashboard, graph, heatmap, row, stat, steps, table, variable, write, zero

NODE = 'instance=~"$node"'
SERVICE = NODE + ',service=~"$service"'
DOMAIN = NODE + ',domain=~"$domain"'
BINDING = SERVICE + ',domain=~"$domain",binding=~"$binding"'

OF_NODE = variable("node", "Node", "label_values(vservices_build_info, instance)")
OF_SERVICE = variable("service", "Service", f"label_values(vservices_requests_total{{{NODE}}}, service)")
OF_DOMAIN = variable("domain", "Domain", f"label_values(vservices_requests_total{{{NODE}}}, domain)")
OF_BINDING = variable("binding", "Binding", f"label_values(vservices_requests_total{{{SERVICE},domain=~\"$domain\"}}, binding)")

ANY_IS_BAD = steps(GREEN, 1, RED)
ANY_IS_ODD = steps(GREEN, 1, ORANGE)


def rate(metric, labels, by=""):
    """A second's worth of a counter, summed by those labels, or over all."""
    return f"sum{by and f' by ({by})'} (rate({metric}{{{labels}}}[$__rate_interval]))"


def rates(metric, labels, by):
    return zero(rate(metric, labels, by), **{by.split(",")[0].strip(): "none"})


def quantile(part, metric, labels, by=""):
    """Of a histogram; 0 as long as nothing was measured in the interval."""
    grouped = f"le, {by}" if by else "le"
    measured = f"histogram_quantile({part}, {rate(metric + '_bucket', labels, grouped)}) >= 0"
    return zero(measured, **({by: "none"} if by else {}))


def latencies(title, metric, labels, help, width=12):
    return graph(title, "s", *[(quantile(part, metric, labels), name) for part, name in
                               ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"))], help=help, width=width)


def total(metric, labels, **say):
    return zero(f"sum ({metric}{{{labels}}})", **say)


def refusals(labels, width=12):
    return graph("Opens refused", "ops",
                 (rates("vservices_opens_refused_total", labels, "domain"), "policy: {{domain}}"),
                 (zero(rate("vservices_sessions_exhausted_total", labels)), "session limit"),
                 (zero(rate("vservices_memory_exhausted_total", labels)), "domain's memory used up"),
                 (zero(rate("vservices_hellos_bad_total", labels)), "did not speak the protocol"),
                 help="Opens of devices that got no session, by why. Policy: `vsctl explain DOMAIN SERVICE` says which rule.", width=width)


def broken(labels, width=12):
    return graph("Guests that broke their ring", "ops", (rates("vservices_sessions_broken_total", labels, "why"), "{{why}}"),
                 help="Sessions ended because what the guest wrote was not a ring any more, by what it broke.", width=width)


def answers(labels, width=12):
    return graph("Answers by status", "reqps", (rates("vservices_answers_total", labels, "status"), "{{status}}"), stack=True,
                 help="Not found is an answer like ok; unavailable, internal and exhausted are what users call errors.", width=width)


def waits(labels, width=12):
    return graph("Requests that had to wait", "ops", (zero(rate("vservices_requests_throttled_total", labels)), "for the binding's rate"),
                 (zero(rate("vservices_requests_held_total", labels)), "for its own unanswered requests"),
                 help="Times a session stood still because of a limit of its binding.", width=width)


def node():
    return dashboard("node", "Node", "Whether nodes and what they serve are well, at a glance.", [OF_NODE], [
        stat("Nodes that answer", "short", 'count (vservices_build_info{instance=~"$node"}) or on() vector(0)',
             "Their vsmgrd answered the last scrape.", steps(RED, 1, GREEN)),
        stat("Backends up", "percentunit", zero(f"avg (vservices_backend_up{{{NODE}}})"),
             "Of the processes that serve guests; each service kind has one. 0 % too while no service is declared.", steps(ORANGE, 1, GREEN), max=1),
        stat("Domains", "short", total("vservices_objects", NODE + ',kind="Domain"'), "Declared guests.", steps(BLUE)),
        stat("Bindings bound", "short", total("vservices_bindings", NODE + ',state="Bound"'), "Guests may open these.", steps(BLUE)),
        stat("Bindings failed", "short", total("vservices_bindings", NODE + ',state="Failed"'),
             "Allowed, but the backend could not: `vsctl describe binding NAME` says why.", ANY_IS_BAD),
        stat("Warnings", "short", total("vservices_warnings", NODE + ',status="new"'), "`vsctl warnings` lists what needs a person.", ANY_IS_ODD),
        graph("Requests", "reqps", (rates("vservices_requests_total", NODE, "service"), "{{service}}"), stack=True,
              help="Requests taken from guests' rings, by service."),
        graph("Latency, p99", "s", (quantile(0.99, "vservices_request_duration_seconds", NODE, "service"), "{{service}}"),
              help="From seeing a request in the ring to putting its answer there, by service."),
        answers(NODE), refusals(NODE),
        graph("Bindings by state", "short", (f"sum by (state) (vservices_bindings{{{NODE}}})", "{{state}}"), stack=True,
              help="Denied: by policy. Pending: the backend has not said yet."),
        graph("Behind what was asked", "short", (f"sum by (kind) (vservices_objects_behind{{{NODE}}})", "{{kind}}"),
              help="Objects whose observed state is older than what was declared. More than 0 for minutes is drift.", thresholds=steps(GREEN, 1, RED)),
        graph("Processor time of the loops", "percentunit", (zero(rate("vservices_loop_cpu_seconds_total", NODE, "kind"), kind="none"), "{{kind}}"),
              help="100 % is one core. Looking for work without sleeping counts."),
        graph("Memory of domains", "bytes", (zero(f"topk(10, sum by (domain) (vservices_domain_memory_bytes{{{NODE}}}))", domain="none"), "{{domain}}"),
              help="Shared memory of their sessions; the ten largest."),
        graph("Events", "ops", (zero(rate("vservices_events_total", NODE, "instance"), instance="none"), "{{instance}}"),
              help="What happened on the node: `vsctl events`."),
        graph("Guests that nobody declared", "short", (zero(f"sum by (instance) (vservices_undeclared_guests{{{NODE}}})", instance="no hypervisor"),
                                                       "{{instance}}"), help="The hypervisor runs them; they are not served."),
    ])


def service():
    return dashboard("service", "Service", "One service, or several: load, latency, what its backend does.", [OF_NODE, OF_SERVICE], [
        stat("Requests", "reqps", zero(rate("vservices_requests_total", SERVICE)), "Taken from guests' rings.", steps(BLUE)),
        stat("Errors", "percentunit", zero(f'({rate("vservices_answers_total", SERVICE + chr(44) + ERRORS)} / '
                                           f'{rate("vservices_answers_total", SERVICE)}) >= 0'),
             "Part of answers that say unavailable, internal or exhausted.", steps(GREEN, 0.001, ORANGE, 0.01, RED), max=1),
        stat("p99", "s", quantile(0.99, "vservices_request_duration_seconds", SERVICE), "Seen in the ring to answered.", steps(BLUE)),
        stat("Sessions", "short", total("vservices_sessions", SERVICE), "Devices that guests hold open.", steps(BLUE)),
        stat("Bindings used", "short", zero(f"count (vservices_requests_total{{{SERVICE}}})"), "Opened at least once since the backend started.", steps(BLUE)),
        stat("Waiting in rings", "bytes", total("vservices_ring_waiting_bytes", SERVICE), "Of requests and answers.", steps(BLUE)),
        graph("Requests, busiest bindings", "reqps", (zero(f'topk(10, {rate("vservices_requests_total", SERVICE, "binding")})', binding="none"), "{{binding}}"),
              help="The ten busiest."),
        latencies("Latency", "vservices_request_duration_seconds", SERVICE, "From seeing a request in the ring to putting its answer there."),
        latencies("Latency, the wait before service", "vservices_request_queue_seconds", SERVICE, "From seeing a request to taking it: the scheduler's part."),
        latencies("Latency, the service itself", "vservices_request_service_seconds", SERVICE, "From taking a request to putting its answer there."),
        answers(SERVICE), waits(SERVICE),
        graph("Bytes", "Bps", (zero(rate("vservices_request_bytes_total", SERVICE)), "requests"),
              (zero(rate("vservices_response_bytes_total", SERVICE)), "answers"),
              (zero(rate("vservices_frame_bytes_total", SERVICE)), "answers read in place"), help="Through the rings, and beside them."),
        graph("Doorbells", "ops", (zero(rate("vservices_doorbells_received_total", SERVICE)), "guest to node"),
              (zero(rate("vservices_doorbells_in_vain_total", SERVICE)), "of those, in vain"),
              (zero(rate("vservices_doorbells_sent_total", SERVICE)), "node to guest"),
              (zero(rate("vservices_doorbells_suppressed_total", SERVICE)), "not needed"),
              help="Wake-ups across the border of the guest; those that were not needed cost nothing."),
        refusals(SERVICE), broken(SERVICE),
        row("Names (kind dns)"),
        graph("Lookups by result", "reqps", (rates("vservices_dns_answers_total", SERVICE, "result"), "{{result}}"), stack=True,
              help="What the directory said."),
        graph("Asked of nameservers", "reqps", (zero(rate("vservices_dns_queries_total", SERVICE)), "queries"),
              (zero(rate("vservices_dns_tries_again_total", SERVICE)), "asked again"),
              (zero(rate("vservices_dns_timed_out_total", SERVICE)), "lookups that ended at their deadline"),
              help="Queries asked again and lookups timed out point at the nameservers or the way to them."),
    ])


def domain():
    return dashboard("domain", "Domain", "What guests use and what they were refused.", [OF_NODE, OF_DOMAIN], [
        stat("Requests", "reqps", zero(rate("vservices_requests_total", DOMAIN)), "Of these domains.", steps(BLUE), 6),
        stat("Sessions", "short", total("vservices_sessions", DOMAIN), "Devices held open.", steps(BLUE), 6),
        stat("Memory", "bytes", total("vservices_domain_memory_bytes", DOMAIN), "Shared memory of their sessions.", steps(BLUE), 6),
        stat("Opens refused", "short", zero(f"sum (increase(vservices_opens_refused_total{{{DOMAIN}}}[$__range]))"),
             "By policy, in the time shown.", ANY_IS_ODD, 6),
        graph("Requests", "reqps", (rates("vservices_requests_total", DOMAIN, "binding"), "{{binding}}"), stack=True, help="By binding."),
        graph("Latency, p99", "s", (quantile(0.99, "vservices_request_duration_seconds", DOMAIN, "binding"), "{{binding}}"), help="By binding."),
        answers(DOMAIN), waits(DOMAIN), refusals(DOMAIN), broken(DOMAIN),
        graph("Sessions", "short", (zero(f"sum by (binding) (vservices_sessions{{{DOMAIN}}})", binding="none"), "{{binding}}"), help="Held open, by binding."),
        graph("Waiting in rings", "bytes", (zero(f"sum by (ring) (vservices_ring_waiting_bytes{{{DOMAIN}}})", ring="none"), "{{ring}}"),
              help="Answers wait when the guest does not fetch them, requests when the node does not keep up, or the binding's rate is reached."),
        graph("Memory", "bytes", (zero(f"sum by (domain) (vservices_domain_memory_bytes{{{DOMAIN}}})", domain="none"), "{{domain}}"), help="Of their sessions, by domain."),
        graph("Doorbells of guests", "ops", (rates("vservices_doorbells_received_total", DOMAIN, "domain"), "{{domain}}"),
              (zero(rate("vservices_doorbells_in_vain_total", DOMAIN)), "in vain"), (zero(rate("vservices_doorbell_pauses_total", DOMAIN)), "not heard for a while"),
              help="A guest that rings for nothing is not heard for a while."),
    ])


ERRORS = 'status=~"unavailable|internal|exhausted"'
LATENCY = "vservices_request_duration_seconds"


def bindings():
    promised = "vservices_binding_objective_seconds"
    p99 = f"histogram_quantile(0.99, {rate(LATENCY + '_bucket', BINDING, 'le, instance, binding, domain, service')}) >= 0"
    ratio = (f"({p99}) / on (instance, binding, domain, service) {promised}{{{BINDING},objective=\"p99\"}}")
    failing = f'sum by (instance, binding, domain, service) (increase(vservices_answers_total{{{BINDING},{ERRORS}}}[$__range]))'
    all_answers = f'(sum by (instance, binding, domain, service) (increase(vservices_answers_total{{{BINDING}}}[$__range])) > 0)'
    budget = f"1 - vservices_binding_objective_availability_ratio{{{BINDING}}}"
    return dashboard("bindings", "Latency and objectives", "What was promised to bindings, and what they get.",
                     [OF_NODE, OF_SERVICE, OF_DOMAIN, OF_BINDING], [
        stat("Bindings with objectives", "short", zero(f"count (count by (binding, instance) ({promised}{{{BINDING}}}))"), "An Sla says what they were promised.", steps(BLUE), 6),
        stat("Beyond their p99", "short", zero(f"count ({ratio} > 1)"), "Bindings whose p99 is now above what was promised.", ANY_IS_BAD, 6),
        stat("p99", "s", quantile(0.99, LATENCY, BINDING), "Of all bindings shown.", steps(BLUE), 6),
        stat("Errors", "percentunit", zero(f'({rate("vservices_answers_total", BINDING + chr(44) + ERRORS)} / {rate("vservices_answers_total", BINDING)}) >= 0'),
             "Part of answers that say unavailable, internal or exhausted.", steps(GREEN, 0.001, ORANGE, 0.01, RED), 6, max=1),
        heatmap("Latency", zero(rate(LATENCY + "_bucket", BINDING, "le"), le="+Inf"), "How many requests took how long. Buckets are powers of four."),
        latencies("Latency", LATENCY, BINDING, "Of all bindings shown."),
        graph("p99 beside what was promised", "s", (zero(f"topk(10, {p99})", binding="none"), "{{binding}}"),
              (zero(f"max by (binding) ({promised}{{{BINDING},objective=\"p99\"}})", binding="nobody"), "promised to {{binding}}"),
              help="The ten slowest bindings, and what their Slas promise."),
        graph("p99 as part of the promise", "percentunit", (zero(ratio, binding="none"), "{{binding}}"), help="100 %: just kept.",
              thresholds=steps(GREEN, 0.8, ORANGE, 1, RED)),
        graph("Error budget left", "percentunit", (zero(f"1 - ({failing} / {all_answers}) / on (instance, binding, domain, service) ({budget} > 0)",
                                                        binding="none promised"), "{{binding}}"),
              help="Of the availability that was promised, over the time shown: 100 % untouched, below 0 broken.", thresholds=steps(RED, 0, ORANGE, 0.25, GREEN), min=None),
        graph("Error budget burn", "none", (zero(f"max by (binding) (vservices:binding_burn:rate1h{{{BINDING}}})", binding="none promised"), "{{binding}}, 1 h"),
              (zero(f"max by (binding) (vservices:binding_burn:rate5m{{{BINDING}}})", binding="none promised"), "{{binding}}, 5 m"),
              help="1: the budget lasts exactly as long as its window. The alerts fire at 14.4 and 6.", thresholds=steps(GREEN, 6, ORANGE, 14.4, RED)),
        graph("Objectives kept", "percentunit", (zero(f"min by (binding, class, objective) (vservices_sla_compliance_ratio{{{BINDING},window=\"1h\"}})", binding="none promised"),
                                                 "{{binding}}, {{objective}} of {{class}}"),
              help="Part of what was judged in the last hour that kept each objective, by content class; * is all other requests. As vsmgrd counts it."),
        graph("Budget left by objective", "percentunit", (zero(f"min by (binding, class, objective) (vservices_sla_budget_remaining_ratio{{{BINDING}}})", binding="none promised"),
                                                          "{{binding}}, {{objective}} of {{class}}"),
              help="Of what may miss an objective in its own window: 100 % untouched, below 0 broken. As vsmgrd counts it, over restarts.",
              thresholds=steps(RED, 0, ORANGE, 0.25, GREEN), min=None),
        graph("Burn by objective", "none", (zero(f"max by (binding, class, objective) (vservices:sla_burn:rate1h{{{BINDING}}} >= 0)", binding="none promised"),
                                            "{{binding}}, {{objective}} of {{class}}"),
              help="How many times faster than allowed an objective is missed, over an hour. The alerts fire at 14.4 and 6.",
              thresholds=steps(GREEN, 6, ORANGE, 14.4, RED)),
        graph("p99 by content class", "s", (quantile(0.99, "vservices_sla_duration_seconds", BINDING, "class"), "{{class}}"),
              help="From seeing a request to its answer; * is all requests of no class."),
        graph("Requests by content class", "reqps", (rates("vservices_sla_requests_total", BINDING, "class"), "{{class}}"), stack=True,
              help="Of bindings to which something was promised."),
        graph("Requests shed", "ops", (rates("vservices_sla_shed_total", BINDING, "binding"), "{{binding}}"),
              help="Answered exhausted at once because there was too much to do: best effort first, then burstable."),
        graph("Level", "none", (zero(f"max by (binding) (vservices_sla_level{{{BINDING}}})", binding="none"), "{{binding}}"), decimals=0,
              help="At which level guests are told that they are served: 0 as promised, 3 the worst."),
        table("Slowest bindings", "s", ("p99", f"topk(50, {p99}) or on() vector(0)"), ("Promised", zero(f"max by (instance, binding, domain, service) ({promised}{{{BINDING},objective=\"p99\"}})")),
              help="By p99; up to 50.", sort="p99"),
    ])


def placement():
    loop = "{{kind}} loop {{loop}}"
    cpu = rate("vservices_loop_cpu_seconds_total", NODE, "instance, kind, loop")
    return dashboard("placement", "Placement and loops", "Which cores serve, how busy they are, how they wait.", [OF_NODE], [
        stat("Loops", "short", zero(f"count (vservices_loop_last_cpu{{{NODE}}})"), "One for each core that a backend may use.", steps(BLUE), 6),
        stat("CPUs in use", "short", zero(f"count (count by (instance, cpu) (count_values by (instance) (\"cpu\", vservices_loop_last_cpu{{{NODE}}})))"),
             "Different CPUs that loops ran on when they were last asked.", steps(BLUE), 6),
        stat("Busiest loop", "percentunit", zero(f"max ({cpu})"), "100 %: it has its core to itself and never sleeps.", steps(GREEN, 0.8, ORANGE, 0.95, RED), 6),
        stat("Cores' worth of work", "none", zero(f"sum ({cpu})"), "Processor time of all loops.", steps(BLUE), 6),
        graph("Processor time by loop", "percentunit", (zero(cpu, kind="none", loop="0"), loop), help="Looking for work without sleeping counts."),
        graph("CPU of each loop", "none", (zero(f"max by (instance, kind, loop) (vservices_loop_last_cpu{{{NODE}}})", kind="none", loop="0"), loop), decimals=0,
              help="Number of the CPU it ran on when asked. A loop that is not pinned moves about."),
        graph("Domains by loop", "short", (zero(f"count by (kind, loop) (vservices_domain_memory_bytes{{{NODE}}})", kind="none", loop="0"), loop), decimals=0,
              help="A domain stays on one loop for as long as it is bound."),
        graph("Looks without sleeping", "ops", (zero(rate("vservices_loop_spins_won_total", NODE)), "found something"),
              (zero(rate("vservices_loop_spins_lost_total", NODE)), "in vain"), (zero(rate("vservices_loop_sleeps_total", NODE)), "sleeps"),
              help="Looking a little before sleeping saves a wake-up when something comes; in vain it costs processor time."),
        latencies("Wait before service", "vservices_request_queue_seconds", NODE, "What a core that is too busy, or shared badly, shows first.", WIDTH),
    ])


def policy():
    return dashboard("policy", "Policy decisions", "What the policies allow, deny and try out.", [OF_NODE], [
        stat("Bindings allowed", "short", total("vservices_policy_bindings", NODE + ',outcome="allowed"'), "By the policies as they stand.", steps(GREEN), 6),
        stat("Bindings denied", "short", total("vservices_policy_bindings", NODE + ',outcome="denied"'), "`vsctl get bindings` shows the rule.", steps(BLUE), 6),
        stat("On trial", "short", total("vservices_policy_bindings", NODE + ',outcome="on_trial"'), "Let through only because a rule is on trial (mode warn or audit).", ANY_IS_ODD, 6),
        stat("Generation", "none", f"max (vservices_policy_generation{{{NODE}}})", "Grows with each change of a policy.", steps(BLUE), 6),
        graph("Decisions", "ops", (f'{rate("vservices_policy_decisions_total", NODE, "outcome")}', "{{outcome}}"),
              help="On bindings that were new, or for which a changed policy says something else. Made when they are written, never on a request's way."),
        graph("Bindings by outcome", "short", (f"sum by (outcome) (vservices_policy_bindings{{{NODE}}})", "{{outcome}}"), stack=True, help="As the policies stand."),
        graph("Policies changed", "short", (f"sum by (instance) (changes(vservices_policy_generation{{{NODE}}}[$__rate_interval]))", "{{instance}}"),
              help="Changes of an access or sharing policy."),
        graph("Opens refused to guests", "ops", (rates("vservices_opens_refused_total", NODE, "domain"), "{{domain}}"),
              help="A denied guest that tries again and again is misconfigured, or worse."),
        graph("Events refused to guests", "ops", (zero(rate("vservices_pubsub_denied_total", NODE)), "no right to the channel"),
              (zero(rate("vservices_pubsub_over_rate_total", NODE)), "beyond the rule's rate"), help="By rules on channels."),
        graph("Requests refused by the API", "ops", (rate("vservices_api_refusals_total", NODE), "401, 403, 429"),
              (rate("vservices_auth_failures_total", NODE), "tokens that do not count"), (rate("vservices_auth_throttled_total", NODE), "answered unlooked at"),
              help="Each is a row of the audit."),
    ])


def vsmgrd():
    http = "vservices_http_request_duration_seconds"
    return dashboard("vsmgrd", "vsmgrd", "The management daemon itself: its API, its database, its passes.", [OF_NODE], [
        stat("Version", "none", f"max by (version) (vservices_build_info{{{NODE}}})", "Of vsmgrd.", steps(BLUE), legend="{{version}}", text="name"),
        stat("Up for", "s", f"min (time() - process_start_time_seconds{{{NODE}}})", "The youngest, when several are shown.", steps(BLUE)),
        stat("Database", "none", total("vservices_store_read_only", NODE), "Whether it takes writes.", ANY_IS_BAD,
             mappings=[{"type": "value", "options": {"0": {"text": "writable", "index": 0}}},
                       {"type": "range", "options": {"from": 1, "to": None, "result": {"text": "takes no writes", "index": 1}}}]),
        stat("Disk free", "percentunit", f"min (vservices_store_disk_free_bytes{{{NODE}}} / vservices_store_disk_bytes{{{NODE}}})",
             "Of the file system with the database.", steps(RED, 0.05, ORANGE, 0.15, GREEN), max=1),
        stat("Audit rows lost", "short", total("vservices_audit_lost_total", NODE), "Refusals that could not be written.", ANY_IS_BAD),
        stat("Operations running", "short", total("vservices_operations_running", NODE), "`vsctl op list`.", steps(BLUE)),
        graph("API requests", "reqps", (rate("vservices_http_requests_total", NODE, "method, route"), "{{method}} {{route}}"), stack=True, help="By route."),
        graph("API latency, p99", "s", (f"histogram_quantile(0.99, {rate(http + '_bucket', NODE, 'le, route')}) >= 0 or on() vector(0)", "{{route}}"),
              help="By route. Writes wait for the disk; reads do not."),
        graph("API answers", "reqps", (rate("vservices_http_requests_total", NODE, "code"), "{{code}}"), stack=True, help="By status code."),
        graph("Limits that bit", "ops", (rate("vservices_http_limits_total", NODE, "limit"), "{{limit}}"),
              (rate("vservices_http_malformed_total", NODE), "not HTTP"), (rate("vservices_http_handshakes_failed_total", NODE), "no TLS"),
              help="Of the HTTP server."),
        graph("Connections", "short", (f"sum (vservices_http_connections{{{NODE}}})", "open"), (f"sum (vservices_http_streams{{{NODE}}})", "streams"),
              (f"sum (vservices_event_watchers{{{NODE}}})", "event watchers"), (f"sum (vservices_http_requests_in_progress{{{NODE}}})", "requests in progress"), help="Now."),
        graph("Reconciler", "ops", (rate("vservices_reconciler_passes_total", NODE), "passes"), (rate("vservices_reconciler_passes_failed_total", NODE), "failed"), help="Each change of what is declared, and of what backends say, makes a pass."),
        latencies("Passes of the reconciler", "vservices_reconciler_pass_duration_seconds", NODE, "How long one takes."),
        latencies("Commits of the database", "vservices_store_commit_duration_seconds", NODE, "Until a transaction is durable: the disk's sync."),
        graph("Database", "bytes", (f"sum by (file) (vservices_store_file_bytes{{{NODE}}})", "{{file}}"), help="Sizes of its files."),
        graph("Writes", "short", (f"sum (vservices_store_writes_waiting{{{NODE}}})", "waiting"), (rate("vservices_store_commits_failed_total", NODE), "transactions failed per second"), help="Writes that wait are done together."),
        graph("Processor time", "percentunit", (rate("process_cpu_seconds_total", NODE, "instance"), "{{instance}}"), help="100 % is one core."),
        graph("Memory", "bytes", (f"process_resident_memory_bytes{{{NODE}}}", "{{instance}}"), help="Resident."),
        graph("File descriptors", "short", (f"process_open_fds{{{NODE}}}", "open"), (f"process_max_fds{{{NODE}}}", "limit"), help="Of vsmgrd."),
        graph("Backends lost", "short", (zero(f"sum by (kind) (increase(vservices_backend_restarts_total{{{NODE}}}[$__rate_interval]))", kind="none"), "{{kind}} started again"),
              (zero(f"sum by (kind) (increase(vservices_backend_hangs_total{{{NODE}}}[$__rate_interval]))", kind="none"), "{{kind}} killed: it hung"),
              help="Guests reconnect by themselves."),
        graph("Samples left out", "ops", (rate("vservices_samples_refused_total", NODE, "source"), "{{source}}"), help="A source has more samples than are kept, or malformed ones.", width=WIDTH),
    ])


def channels():
    def lost(part, why):
        return zero(rate(f"vservices_pubsub_{part}_total", SERVICE)), why

    return dashboard("channels", "Group communication", "Channels between guests: what is published, delivered and lost.", [OF_NODE, OF_SERVICE], [
        stat("Channels", "short", zero(f"max (vservices_pubsub_channels{{{SERVICE}}})"), "That were published to.", steps(BLUE), 6),
        stat("Subscriptions", "short", total("vservices_pubsub_subscriptions", SERVICE), "Of all sessions.", steps(BLUE), 6),
        stat("Delivered per event", "none", zero(f'({rate("vservices_pubsub_delivered_total", SERVICE)} / {rate("vservices_pubsub_published_total", SERVICE)}) >= 0'),
             "How many subscribers an event reached.", steps(BLUE), 6, decimals=1),
        stat("Lost", "percentunit", zero(f'({rate("vservices_pubsub_lost_total", SERVICE)} / ({rate("vservices_pubsub_delivered_total", SERVICE)} + {rate("vservices_pubsub_lost_total", SERVICE)})) >= 0'),
             "Part of deliveries for which a subscriber's queue had no room.", steps(GREEN, 0.0001, ORANGE, 0.01, RED), 6, max=1),
        graph("Events", "ops", (rates("vservices_pubsub_published_total", SERVICE, "service"), "{{service}}: published"),
              (rates("vservices_pubsub_delivered_total", SERVICE, "service"), "{{service}}: delivered"), help="Delivered counts each subscriber."),
        graph("Bytes published", "Bps", (rates("vservices_pubsub_published_bytes_total", SERVICE, "service"), "{{service}}"), help="Payloads."),
        graph("Not delivered", "ops", lost("lost", "no room in a subscriber's queue"), lost("too_slow", "subscriptions ended: too slow"), lost("blocked", "publishes that waited"),
              help="Subscribers see a gap, with its size."),
        graph("Refused", "ops", lost("denied", "no right"), lost("over_rate", "beyond the rule's rate"), lost("too_large", "too large"), lost("refused", "otherwise refused"),
              help="The publisher was told."),
        graph("Filters that failed", "ops", (rates("vservices_pubsub_filter_errors_total", SERVICE, "service"), "{{service}}"), help="A filter that cannot be computed for an event lets none through."),
        graph("Subscriptions", "short", (zero(f"sum by (service) (vservices_pubsub_subscriptions{{{SERVICE}}})", service="none"), "{{service}}"), help="Of all sessions."),
        latencies("Publish latency", LATENCY, NODE + ',service=~"$service"', "From seeing a request in the ring to putting its answer there.", WIDTH),
    ])


ALL = [node, service, domain, bindings, placement, policy, vsmgrd, channels]

if __name__ == "__main__":
    write([make() for make in ALL], pathlib.Path(__file__).parent / "dashboards")
