/* The wake-up protocol of a ring (dataplane/ring, dataplane/client/ring.c), in both directions, on a machine that delays stores.
 *
 * Claim: nobody sleeps while there is something to do for him. A lost wake-up shows as a process that waits for ever, which
 * spin reports as an invalid end state. schemas/ring.md, "Doorbells", says the protocol in words.
 *
 * Every store goes through its writer's store buffer (x86-TSO: Sewell et al., CACM 53(7), 2010) and reaches memory at any later
 * moment; a fence waits until the buffer is empty. A doorbell is a system call: it goes past nothing, and stays until taken.
 * Positions count records and begin just before the number space wraps. Where the ring clears a commit word before it is used
 * again, the model writes another value each time round.
 *
 * With one of these the protocol is broken, and spin must find it:
 *   NO_FENCE    nobody waits for his stores before he reads what the other asked for
 *   NO_LOOK     the consumer asks, and sleeps without looking again
 *   EARLY_READ  the producer reads what the consumer asked for before he publishes
 *   NO_SPACE_LOOK  the producer asks for space, and sleeps without looking again */

#define SLOTS 2    /* records that the ring holds */
#define RECORDS 5  /* that the producer sends */
#define FIRST 253  /* position of the first */

#define PROD 0  /* shared words */
#define CONS 1
#define DATA_EVENT 2
#define SPACE_EVENT 3
#define COMMIT 4 /* and the slot */

byte memory[6];
chan producer_stores = [2] of { byte, byte };
chan consumer_stores = [2] of { byte, byte };
bool data_bell, space_bell;
byte consumed;

#define less(a, b) (((a) & 255) < ((b) & 255))
#define slot(position) (COMMIT + ((position) % SLOTS))

#ifdef NO_FENCE
#define fence(buffer) skip
#else
#define fence(buffer) empty(buffer)
#endif

/* Stores reach memory one by one, in order, whenever they like. */
proctype producer_buffer() {
  byte word, value;
end:
  do
  :: atomic { producer_stores?word, value; memory[word] = value }
  od
}

proctype consumer_buffer() {
  byte word, value;
end:
  do
  :: atomic { consumer_stores?word, value; memory[word] = value }
  od
}

proctype producer() {
  byte prod = FIRST, published = FIRST, cons, event, sent;
  do
  :: sent == RECORDS -> break
  :: else ->
    cons = memory[CONS];
    if
    :: ((prod - cons) & 255) < SLOTS ->
      producer_stores!slot(prod), 1 + ((prod / SLOTS) & 1); /* the commit word: another value each time round */
      prod = (prod + 1) & 255;
      sent++;
#ifdef EARLY_READ
      event = memory[DATA_EVENT];
#endif
      producer_stores!PROD, prod;
      fence(producer_stores);
#ifndef EARLY_READ
      event = memory[DATA_EVENT];
#endif
      if
      :: less(prod - event - 1, prod - published) -> data_bell = true
      :: else
      fi;
      published = prod
    :: else -> /* full: ask, look, sleep */
      producer_stores!SPACE_EVENT, ((prod + 1 - SLOTS - 1) & 255);
      fence(producer_stores);
#ifndef NO_SPACE_LOOK
      cons = memory[CONS];
#endif
      if
      :: ((prod - cons) & 255) < SLOTS
      :: else -> atomic { space_bell; space_bell = false }
      fi
    fi
  od
}

proctype consumer() {
  byte cons = FIRST, released = FIRST, event;
  do
  :: consumed == RECORDS -> break
  :: else ->
    if
    :: memory[slot(cons)] == 1 + ((cons / SLOTS) & 1) ->
      cons = (cons + 1) & 255;
      consumed++;
      consumer_stores!CONS, cons;
      fence(consumer_stores);
      event = memory[SPACE_EVENT];
      if
      :: less(cons - event - 1, cons - released) -> space_bell = true
      :: else
      fi;
      released = cons
    :: else -> /* empty: ask, look, sleep */
      consumer_stores!DATA_EVENT, cons;
      fence(consumer_stores);
#ifndef NO_LOOK
      if
      :: memory[slot(cons)] == 1 + ((cons / SLOTS) & 1)
      :: else -> atomic { data_bell; data_bell = false }
      fi
#else
      atomic { data_bell; data_bell = false }
#endif
    fi
  od
}

init {
  atomic {
    memory[PROD] = FIRST;
    memory[CONS] = FIRST;
    memory[DATA_EVENT] = FIRST;
    memory[SPACE_EVENT] = FIRST;
    run producer_buffer();
    run consumer_buffer();
    run producer();
    run consumer()
  }
}
