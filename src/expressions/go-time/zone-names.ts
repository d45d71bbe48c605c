/**
 * Abbreviations where the ICU data of Node say something else in English than the time zone database, which Go reads
 * (compared for all 598 zones, winter and summer of 2024). The second is the one of summer time; "" is a zone whose
 * abbreviation is its offset.
 */
const GROUPS: readonly (readonly [abbreviations: string, zones: string])[] = [
  ["", "Africa/Casablanca America/Miquelon Antarctica/Casey Antarctica/Troll Asia/Amman Asia/Dubai Asia/Istanbul"],
  ["", "Asia/Muscat Asia/Singapore Australia/Eucla Australia/LHI Australia/Lord_Howe Europe/Istanbul NZ-CHAT"],
  ["", "Pacific/Chatham Singapore Turkey Asia/Damascus Africa/El_Aaiun"],
  ["CAT", "Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Juba Africa/Khartoum Africa/Kigali"],
  ["CAT", "Africa/Lubumbashi Africa/Lusaka Africa/Maputo Africa/Windhoek"],
  ["CET", "Africa/Algiers Africa/Tunis"],
  ["ChST", "Pacific/Guam Pacific/Saipan"],
  ["CST", "Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Macao Asia/Macau Asia/Shanghai Asia/Taipei PRC ROC"],
  ["CST CDT", "America/Havana Cuba"],
  ["EAT", "Africa/Addis_Ababa Africa/Asmara Africa/Asmera Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala"],
  ["EAT", "Africa/Mogadishu Africa/Nairobi Indian/Antananarivo Indian/Comoro Indian/Mayotte"],
  ["EET", "Africa/Tripoli"],
  ["EET EEST", "Africa/Cairo Asia/Beirut Asia/Nicosia"],
  ["GMT", "Africa/Abidjan Africa/Accra Etc/GMT GMT GMT+0 GMT-0 GMT0"],
  ["GMT BST", "Europe/Guernsey Europe/Isle_of_Man Europe/Jersey"],
  ["GMT IST", "Eire Europe/Dublin"],
  ["HKT", "Asia/Hong_Kong Hongkong"],
  ["HST HDT", "America/Adak America/Atka US/Aleutian"],
  ["IST", "Asia/Calcutta Asia/Kolkata"],
  ["IST IDT", "Asia/Jerusalem Asia/Tel_Aviv Israel"],
  ["JST", "Asia/Tokyo Japan"],
  ["KST", "Asia/Pyongyang Asia/Seoul ROK"],
  ["MET MEST", "MET"],
  ["MSK", "Europe/Kirov Europe/Moscow Europe/Simferopol Europe/Volgograd W-SU"],
  ["MST", "America/Dawson America/Hermosillo America/Mazatlan America/Whitehorse Canada/Yukon Mexico/BajaSur"],
  ["PKT", "Asia/Karachi"],
  ["PST", "Asia/Manila"],
  ["SAST", "Africa/Johannesburg Africa/Maseru Africa/Mbabane"],
  ["SST", "Pacific/Midway Pacific/Pago_Pago Pacific/Samoa US/Samoa"],
  [
    "WAT",
    "Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Lagos Africa/Libreville Africa/Luanda",
  ],
  ["WAT", "Africa/Malabo Africa/Ndjamena Africa/Niamey Africa/Porto-Novo"],
  ["WIB", "Asia/Jakarta Asia/Pontianak"],
  ["WIT", "Asia/Jayapura"],
  ["WITA", "Asia/Makassar Asia/Ujung_Pandang"],
];

/** By zone: "CET", "CST CDT", or "" for one that shows its offset. */
export const ZONE_NAMES: ReadonlyMap<string, string> = new Map(
  GROUPS.flatMap(([abbreviations, zones]) => zones.split(" ").map((zone) => [zone, abbreviations] as const)),
);
