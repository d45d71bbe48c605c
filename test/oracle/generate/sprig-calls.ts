/** s text, i whole number, f number, l list, d dictionary, b boolean, a anything; `*` any number of anything. */
export type Kind = "s" | "i" | "f" | "l" | "d" | "b" | "a";

export interface Call {
  readonly name: string;
  /** The kinds of the arguments; a capital letter is one of a language of its own (layout, pattern, zone, key). */
  readonly takes: string;
}

/**
 * The functions of text/template and sprig by what they make, with what they take. Clock, randomness, keys and the network
 * are left out, and what Go gives in random order is sorted. `K` is a key, `R` a pattern, `F` a format, `L` a layout,
 * `T` a time, `Z` a zone, `D` a duration, `V` and `N` a constraint and a number of a version.
 */
const table: Readonly<Record<Kind, string>> = {
  s: `upper s,lower s,title s,untitle s,trim s,trimAll ss,trimSuffix ss,trimPrefix ss,trunc is,abbrev is,abbrevboth iis,
    substr iis,repeat is,nospace s,initials s,swapcase s,snakecase s,camelcase s,kebabcase s,wrap is,wrapWith iss,quote *,
    squote *,cat *,indent is,nindent is,replace sss,plural ssi,sha1sum s,sha256sum s,sha512sum s,adler32sum s,toString a,
    join sl,toJson a,toPrettyJson a,toRawJson a,typeOf a,kindOf a,base s,dir s,clean s,ext s,osBase s,b64enc s,b32enc s,
    b64dec s,b32dec s,print *,println *,printf F*,html *,js *,urlquery *,regexFind Rs,mustRegexFind Rs,
    regexReplaceAll Rss,regexReplaceAllLiteral Rss,regexQuoteMeta s,date LT,dateInZone LTZ,htmlDate T,htmlDateInZone TZ,
    duration i,durationRound s,durationRound D,unixEpoch T,default sa,coalesce *,ternary ssb,urlJoin d,trimall ss,
    seq i,seq ii,seq iii,toDate Ls,hello,date_in_zone LTZ,slice sii,index si,dateModify DT`,
  i: `len s,len l,len d,int a,int64 a,atoi s,add *,add1 a,sub aa,mul aii,div ai,mod ai,max aii,min aii,biggest aii,toDecimal s,
    toDecimal i,ternary iib,default ia`,
  f: `float64 a,addf *,add1f f,subf ff,divf ff,mulf ff,maxf ff,minf ff,ceil f,floor f,round fi,ternary ffb`,
  l: `list *,splitList ss,until i,untilStep iii,sortAlpha l,append la,prepend la,rest l,initial l,reverse l,uniq l,
    without l*,compact l,concat ll,toStrings l,chunk il,slice lii,slice li,pluck Kdd,regexFindAll Rsi,regexSplit Rsi,tuple *,push la,
    mustAppend la,mustUniq l,mustSlice li,fromJson s,mustFromJson s,mustCompact l,mustReverse l,mustRest l`,
  d: `dict,dict Ka,dict KaKa,set dKa,unset dK,pick dKK,omit dK,merge dd,mergeOverwrite dd,mustMerge dd,deepCopy d,split ss,
    splitn sis,urlParse s,fromJson s,get dK,index dK,dig KKad,dig Kad,semver N`,
  b: `not a,and aa,or aa,eq ss,eq ff,eq ii,ne ss,ne ii,lt ii,lt ff,le ss,gt ff,ge ii,eq aa,contains ss,hasPrefix ss,hasSuffix ss,
    empty a,all *,any *,hasKey dK,has al,mustHas al,kindIs sa,typeIs sa,typeIsLike sa,deepEqual aa,regexMatch Rs,mustRegexMatch Rs,
    semverCompare VN,isAbs s,osIsAbs s`,
  a: `first l,last l,index li,get dK,default aa,coalesce *,ternary aab,fromJson s,index lii,index dK,dig KKad,fail s,toDate Ls,
    mustFirst l,mustLast l,call a,slice s,nope a,max *,min *`,
};

function read(text: string): readonly Call[] {
  return text
    .split(/,\s*/)
    .filter((entry) => !entry.includes("("))
    .map((entry) => {
      const [name = "", takes = ""] = entry.split(" ");
      return { name, takes };
    });
}

const making: Readonly<Record<Kind, readonly Call[]>> = {
  s: read(table.s),
  i: read(table.i),
  f: read(table.f),
  l: read(table.l),
  d: read(table.d),
  b: read(table.b),
  a: read(table.a),
};
const [head = { name: "print", takes: "" }, ...tail] = Object.values(making).flat();

export const sprigCalls: { readonly all: readonly [Call, ...Call[]]; readonly making: typeof making } = {
  all: [head, ...tail],
  making,
};
