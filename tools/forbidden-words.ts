// Checks that code and documents use the words of docs/glossary.md: it finds names and phrases that earlier versions
// used, and says what to write instead. Common words are forbidden only in the phrases that gave them a private
// meaning.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.ts';

/** What to write, and the patterns that it replaces. Without `i` where the case makes the name. */
const words: readonly (readonly [use: string, ...RegExp[]])[] = [
  [
    'batch',
    /(?<![.\w-])slices?\b(?!\()/i,
    /\w[sS]lice(?:s|Size|Result|Handler|Context|Outcome)?\b(?<!\.slice)/,
  ],
  [
    'dead letter, to dead-letter',
    /\bsets? (?:\w+ )?aside\b/i,
    /\b(?:set|S?s?etting )aside\b/i,
    /\b[sS]etAside\w*/,
  ],
  ['retryFrom, retryCause', /\bstop(?:Before|Cause)\b/],
  [
    'publish, republish',
    /\b(?:is|are|was|were|be|been) told\b/i,
    /\btold (?:again|once|twice)\b/i,
    /\b\w*Told\b/,
  ],
  ['publishUpdated, metadata', /\btellUpdated\b/, /\b[tT]elling\b/],
  [
    'respond, return, reply',
    /\banswer(?:s|ed)? (?:each|once|repeatably)\b/i,
    /\b[aA]nswer(?:Once|EachOnce|Repeatably)/,
  ],
  [
    'stored response',
    /\b(?:stored|kept) answers?\b/i,
    /\bKeptAnswer\b/,
    /\b(?<!0014-)(?:stored|kept)-answers?\b/,
  ],
  [
    'reply (of a participant)',
    /\banswers? of (?:stock|payment|inventory|participants?)\b/i,
    /\breadAnswer\b/,
  ],
  ['returns (a function)', /\* Answers (?:the|whether|how|what)\b/, /\bfunction that answers\b/i],
  ['input, SagaInput', /\bhappenings?\b(?<!\bis happening)(?<!\bkeeps happening)/i, /\b[oO]ccurrences?\b/],
  ['saga state, state marks', /\bplaceOf\b/, /\ballPlaces\b/, /\bStandings?\b/, /\bstandings\b/],
  [
    'rule, transition, applyInput',
    /\breactAll\b/,
    /\bisStep\b/,
    /\bReaction\b/,
    /\b[tT]imedStep\b/,
    /\bStepReport\b/,
  ],
  ['deadline, deadline check', /\b[nN]extLook\b/, /\blookAfter\w*/, /\bthe next look\b/i],
  ['precheck', /\blook-at-order\b/, /\bLookAtOrder\b/],
  ['poll, pollIntervalMs', /\blookMs\b/, /\blastLook\b/],
  ['needs review, needs attention', /['"`]alarm['"`]/, /\braises? an alarm\b/i],
  [
    'cache entry',
    /\boncePerCopy\b/,
    /\bCustomerCopies\b/,
    /\bCachedCopy\b/,
    /\b(?:stale|fresh|old|cached) cop(?:y|ies)\b/i,
  ],
  ['minimum version', /\bannounced versions?\b/i, /\b(?:readAnnounced|announceVersion)\b/],
  ['closed reservation', /\bclosed markers?\b/i, /\b[cC]losedMarker\b/],
  ['assignment', /\btenures?\b/i],
  ['fetch delay, minFetchDelayMs', /\bleastRestMs\b/, /\bMAX_REST_MS\b/],
  [
    'merged batches, coalesced commits',
    /\bjoined (?:slices|batches)\b/i,
    /\bjoint (?:commits?|calls?)\b/i,
    /\bjointCommits\b/,
  ],
  ['coalesce, conflictKeys, retryIndividually', /\bTogetherOptions\b/, /\baloneAfter\b/, /\bjoinMs\b/],
  ['pipelined', /\bsendTogether\b/, /\bsend-together\b/],
  ['unit of work', /\b(?:create)?Sheet\b/, /\bthe sheet\b/i],
  ['outcome', /\bfates?\b/i],
  ['gateway dispatcher', /\bchargers?\b/i, /\b(?:create)?Charger\w*/],
  ['permits', /\broomWithin\b/, /\b(?:there is|with|without|no|makes|finds) (?:no )?room\b/i],
  [
    'overrides, beforeAnyParticipant, lateReplies, withoutCompensation',
    /\b(?:unheardOf|tooLate|notUndone)\b/,
  ],
  ['in flight', /\bunder way\b/i, /\b[uU]nderWay\b/],
  ['max…, min…', /\bmost(?:Calls|Races|Tries|Elements|JsonValues|Concurrent)\b/, /\bleast[A-Z]\w*/],
  ['error, errorBackoffMs', /\btroubleMs\b/, /\bonTrouble\b/, /\bserverTroubles\b/, /\bin trouble\b/i],
  ['corruptResponse, requestedIds', /\bspoilAnswer\b/, /\baskedIds\b/, /\bspoil-answer\b/, /\basked-ids\b/],
  ['repair, fix', /\bmend(?:s|ed|ing)?\b/i],
  ['expensive', /\b(?:is|are|too|more) dear(?:er)?\b/i],
  ['drained', /\bwork(?:ed|s) off\b/i, /\bisWorkedOff\b/],
  ['continues, resumes', /\bgoes on\b(?! to\b)/i],
  ['is unavailable', /\b(?:is|are|was|were) away\b/i],
  ['unavailable; continuing without it', /\bdid not help\b/i],
  ['one per …', /\bone an? (?:partition|product|order|key|topic|group|service)\b/i],
  ['invalid', /\bcertainly wrong\b/i],
  ['what exists', /\bwhat there is\b/i],
  ['refunded, released', /\b(?:given|gives?|gave|giving) back\b/i],
  [
    'who does it, by its name',
    /\b(?:some|any)body\b/i,
    /\bwhoever\b/i,
    /\bnobody (?:\w+s|is|has|can|will|may)\b/i,
  ],
  ['all stores agree, orders check', /\bthe books\b/i],
  ['unversioned API', /\bversion 0 API\b/i, /\bAPI that keeps no versions\b/i, /\bAPI without versions\b/i],
  [
    'Staleness rules, Model checking, Order lifecycle',
    /\bRules of doubt\b/i,
    /\bTried out\b/,
    /\bThe life of an order\b/i,
  ],
  ['republished, duplicate, contradiction', /\b(?:told_again|already_done)\b/, /['"`]contradictory['"`]/],
  ['orderflow_batch_duration, invalid_response', /\borderflow[._]slice[._]duration/, /\bwrong_answer\b/],
  ['requery', /\bre-quer(?:y|ies|ied)\b/i],
];

/** What keeps its words: SQL and names that databases have stored, results, patches, other people's code, this list. */
const EXCLUDED =
  /(^|\/)(node_modules|migrations|results)\/|^(patches\/|packages\/contracts\/src\/gen\/|tools\/(forbidden-words|rename)|pnpm-lock|LICENSE)/;
const SEARCHED = /\.(ts|proto|md|ya?ml|java)$|(^|\/)(\.env\.example|Dockerfile)$/;

const problems = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => SEARCHED.test(path) && !EXCLUDED.test(path) && existsSync(join(root, path)))
  .flatMap((path) => {
    const lines = readFileSync(join(root, path), 'utf8').split('\n');
    return lines.flatMap((line, index) =>
      words.flatMap(([use, ...patterns]) =>
        patterns.flatMap((pattern) => {
          const found = pattern.exec(line)?.[0];
          return found === undefined ? [] : [`${path}:${index + 1}: "${found}": use ${use}`];
        }),
      ),
    );
  });
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
