/* SPDX-License-Identifier: MIT
 *
 * Waiting for a block: try_allocate_until(), wake_if_waiting(), put_back() and deallocate_bulk() of
 * include/millpond/pool/concurrent_core.hpp and concurrent_core_cold.hpp. Blocks are counted, not told
 * apart; what claims and give-backs do inside is claiming.pml's business, here each is one step.
 *
 * Two threads keep blocks and free those that are live, in any way and order, and now and then take
 * one. Two others have no seat, wait for a block, then free it or hold it, and end. At the start the pool is full:
 * the spare blocks are those that the first two keep. Asserted, when nothing can go on any more, is
 *   nobody_sleeps  no waiter sleeps while fewer than CAPACITY blocks are live;
 *   nothing_lost   every block is in one place, and nobody is counted as waiting who does not.
 *
 * Each line here is a test, see run.py; a defect is met by the assertion behind the colon. With BULK
 * one free is of two blocks and wakes once, with DEADLINE one waiter gives up at any time.
 *
 *   holds SINGLE
 *   holds BULK
 *   holds SINGLE DEADLINE
 *   holds BULK DEADLINE
 *   fails SINGLE LOADS_BEFORE_PUSH: nobody_sleeps
 *   fails SINGLE REGISTERS_LATE: nobody_sleeps
 *   fails SINGLE READS_WAKES_LATE: nobody_sleeps
 *   fails SINGLE WAKES_BEFORE_GIVING: nobody_sleeps
 *   fails BULK NO_PASSING_ON: nobody_sleeps
 *   fails SINGLE DEADLINE LEAVES_WITHOUT_LOOK: nobody_sleeps
 *   fails SINGLE NO_SPARES: nobody_sleeps
 */

#define CAPACITY 2
#define KEPT 1    /* in a magazine */
#define AT_ONCE 1 /* gathered */
#ifdef NO_SPARES
#define SPARES 0
#else
#define SPARES (2 * (KEPT + AT_ONCE))
#endif

byte visible; /* blocks in the occupancy */
byte waiters, wakes;
byte sleeping; /* a bit per waiter in the kernel's queue */
byte kept[2], gathered[2], mine[2]; /* of the threads that keep blocks; mine: live */

/* For the assertions alone. */
byte live = CAPACITY;
byte had; /* blocks that a waiter holds for good */
bool nobody_sleeps = 1, nothing_lost = 1;

inline wake_one() {
    atomic {
        if
        :: sleeping & 1 -> sleeping = sleeping & ~1
        :: sleeping & 2 -> sleeping = sleeping & ~2
        :: else
        fi
    }
}
inline wake_if_waiting() {
    if
    :: waiters != 0 -> wakes++; wake_one()
    :: else
    fi
}
inline put_back_directly() {
#ifdef WAKES_BEFORE_GIVING
    wake_if_waiting();
    visible++
#else
    visible++;
    wake_if_waiting()
#endif
}
inline claim() { /* one block */
    d_step { if :: visible -> visible--; live++; got = 1 :: else fi; skip }
}

inline put_back() {
#ifdef LOADS_BEFORE_PUSH
    seen = waiters;
#endif
    if
    :: kept[t] >= KEPT ->
        if
        :: gathered[t] >= AT_ONCE -> visible++ /* and the evicted block is gathered instead */
        :: else -> gathered[t]++
        fi
    :: else -> kept[t]++
    fi;
#ifndef LOADS_BEFORE_PUSH
    seen = waiters;
#endif
    if
    :: seen -> d_step { seen = 0; kept[t]-- } put_back_directly()
    :: else
    fi
}

/* A thread with a seat. */
proctype keeper(byte t; byte steps) {
    byte seen;
    bool got;
    do
    :: break
    :: steps && mine[t] -> d_step { steps--; mine[t]--; live-- } put_back()
#ifdef BULK
    :: steps && mine[t] == 2 ->
        d_step { steps--; mine[t] = 0; live = live - 2 }
        visible++; /* two words */
        visible++;
        wake_if_waiting()
#endif
    :: steps && mine[t] == 0 ->
        d_step {
            steps--;
            if
            :: kept[t] -> kept[t]--; live++; mine[t]++
            :: !kept[t] && gathered[t] -> gathered[t]--; live++; mine[t]++
            :: else -> if :: visible -> visible--; live++; mine[t]++ :: else fi
            fi;
            skip
        }
    od
}

/* A thread without a seat, in try_allocate_until(). */
proctype waiter(byte t; bool patient) {
    byte expected;
    bool got;
    claim();
    if
    :: got -> skip
    :: else ->
#ifndef REGISTERS_LATE
        waiters++;
#endif
        do
        :: 1 ->
#ifndef READS_WAKES_LATE
            expected = wakes;
#endif
            claim();
            if :: got -> break :: !got && !patient -> break :: !got -> skip fi;
#ifdef READS_WAKES_LATE
            expected = wakes;
#endif
#ifdef REGISTERS_LATE
            waiters++;
#endif
            d_step { if :: wakes == expected -> sleeping = sleeping | (1 << t) :: else fi; expected = 0 }
end_asleep: if
            :: (sleeping & (1 << t)) == 0 ->
#ifdef LEAVES_WITHOUT_LOOK
                if :: !patient -> break :: 1 fi
#endif
            :: (sleeping & (1 << t)) != 0 && !patient -> /* woken by its deadline */
                sleeping = sleeping & ~(1 << t)
            fi;
#ifdef REGISTERS_LATE
            waiters--
#endif
        od;
#ifndef REGISTERS_LATE
        waiters--;
#endif
#ifndef NO_PASSING_ON
        if :: got -> wake_if_waiting() :: else fi
#endif
    fi;
    if
    :: got -> live--; put_back_directly()
    :: got -> had++
    :: else
    fi
}

init {
    atomic {
#ifndef NO_SPARES
        kept[0] = KEPT; kept[1] = KEPT; gathered[0] = AT_ONCE; gathered[1] = AT_ONCE;
#endif
#ifdef BULK
        mine[0] = 2;
#elif defined(SINGLE)
        mine[0] = 1; mine[1] = 1;
#endif
        run keeper(0, 2);
        run keeper(1, 2);
#ifdef DEADLINE
        run waiter(0, 0);
#else
        run waiter(0, 1);
#endif
        run waiter(1, 1)
    }
    timeout;
    nobody_sleeps = (sleeping == 0 || live >= CAPACITY);
    assert(nobody_sleeps);
    nothing_lost = (visible + live + kept[0] + kept[1] + gathered[0] + gathered[1] == CAPACITY + SPARES
        && live == mine[0] + mine[1] + had
        && waiters == (sleeping & 1) + (sleeping >> 1));
    assert(nothing_lost)
}
