/* How a process of a domU has its event channels outlive it (dataplane/guest/keeper).
 *
 * Linux, at the least to 6.1, stops with BUG() in whoever closes a /dev/xen/evtchn that was bound before the domain was saved and
 * restored or migrated; closing at exit counts, and leaves a process that cannot be waited for. So a process gives a copy of its
 * descriptor to a keeper, with one byte over a seqpacket socket that it holds on to. When that ends, the keeper closes its copy,
 * unless the domain has moved since: then it never does. */
#ifndef VSERVICES_ABI_KEEPER_H
#define VSERVICES_ABI_KEEPER_H

#define VS_KEEPER_SOCKET "/run/vservice-keeper"

#endif
