/* SPDX-License-Identifier: MIT
 *
 * One live block that is freed more than once: the state byte of mark_freed(), mark_foreign_freed()
 * and hand_out() in include/millpond/pool/concurrent_core.hpp. The block was handed out to thread 0.
 * Every thread frees it once, at any time. A thread that notices a fault would stop the program; here
 * it ends, so that all the others are followed too. Asserted is
 *   one_passes     of all frees exactly one passes;
 *   late_is_caught a free that begins after another has returned does not pass;
 *   live_once      the block is not handed out while it is live. With HAND_OUT each thread whose free
 *                  passed hands the block out, once all frees have ended.
 *
 * EXACT is free_check::exact, without it free_check::fast: there thread 0 and another may both pass,
 * and what holds is the rest. Each line here is a test, see run.py; a defect is met by the assertion
 * behind the colon.
 *
 *   holds EXACT OWNER
 *   holds EXACT STRANGERS
 *   holds FAST STRANGERS
 *   holds FAST OWNER BOTH_MAY_PASS
 *   holds FAST OWNER BOTH_MAY_PASS HAND_OUT
 *   fails FAST OWNER: one_passes
 *   fails FAST STRANGERS LOADS_AND_STORES: one_passes
 *   fails EXACT OWNER LOADS_AND_STORES: one_passes
 *   fails FAST OWNER BOTH_MAY_PASS NO_CHECK: late_is_caught
 *   fails FAST OWNER BOTH_MAY_PASS HAND_OUT NO_CHECK_OF_HAND_OUT: live_once
 *   fails FAST OWNER BOTH_MAY_PASS HAND_OUT HANDS_OUT_AT_ONCE: live_once
 */

#define FREED 0
#define LIVE(t) (1 + (t))
#if defined(EXACT)
#define OWN 255 /* live_without_slot: the state of no block */
#elif defined(FAST)
#define OWN LIVE(t)
#endif
#if defined(OWNER)
#define FIRST 0
#elif defined(STRANGERS)
#define FIRST 1
#endif
#define THREADS 3

byte state = LIVE(0);

/* For the assertions alone. */
byte passed, ended, live;
bool returned; /* some free has */
bool one_passes = 1, late_is_caught = 1, live_once = 1;

inline deallocate() {
    if
    :: state == OWN -> state = FREED
    :: else ->
#ifdef LOADS_AND_STORES
        before = state;
        state = FREED;
#else
        d_step { before = state; state = FREED }
#endif
#ifndef NO_CHECK
        if :: before == FREED -> caught = 1 :: else fi
#endif
    fi
}
inline hand_out() {
    if
#ifndef NO_CHECK_OF_HAND_OUT
    :: state != FREED -> caught = 1
#endif
    :: else -> state = LIVE(t)
    fi
}

proctype thread(byte t) {
    byte before;
    bool caught, is_late;
    is_late = returned;
    deallocate();
    d_step {
        late_is_caught = caught || !is_late;
        assert(late_is_caught);
        returned = returned || !caught;
        passed = passed + !caught;
        ended++
    }
#ifdef HAND_OUT
    ended == THREADS - FIRST;
    if
    :: caught -> skip
    :: else ->
#ifdef HANDS_OUT_AT_ONCE
        hand_out();
#else
        atomic { hand_out() }
#endif
        d_step {
            live = live + !caught;
            live_once = (live <= 1);
            assert(live_once)
        }
    fi
#endif
}

init {
    atomic {
#ifdef OWNER
        run thread(0);
#endif
        run thread(1);
        run thread(2)
    }
    _nr_pr == 1;
#ifndef BOTH_MAY_PASS
    one_passes = (passed == 1);
#else
    one_passes = (passed == 1 || passed == 2); /* of the strangers one at most */
#endif
    assert(one_passes)
}
